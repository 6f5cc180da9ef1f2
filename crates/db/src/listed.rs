//! Lists of things asked for in one statement.

use crate::Value;

/// `($3,$4)` for these items, which join the values that are there already; none is no list. The last one stands there as
/// often as makes a power of two: a statement of each length would be planned for each length.
pub fn listed<T: Copy + Into<Value>>(items: &[T], values: &mut Vec<Value>) -> String {
    let (from, last) = (values.len(), items.len().saturating_sub(1));
    values
        .extend((0..items.len().next_power_of_two()).filter_map(|n| items.get(n.min(last))).map(|item| (*item).into()));
    let places: Vec<String> = (from..values.len()).map(|n| format!("${}", n + 1)).collect();
    format!("({})", places.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_many_lengths_are_few_statements_and_ask_for_nothing_else() {
        let asked = |count: i64| {
            let mut values = vec![Value::from("before")];
            let items: Vec<i64> = (1..=count).collect();
            let list = listed(&items, &mut values);
            let mut distinct = values.split_off(1);
            distinct.dedup();
            assert_eq!(distinct, items.into_iter().map(Value::from).collect::<Vec<_>>());
            list
        };
        assert_eq!(asked(1), "($2)");
        assert_eq!(asked(3), "($2,$3,$4,$5)");
        let lists: std::collections::BTreeSet<String> = (1..=200).map(asked).collect();
        assert_eq!(lists.len(), 9);
    }
}
