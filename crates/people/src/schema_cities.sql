INSERT INTO access_person_city (person_id, city)
    SELECT r.id, h.city_code FROM resident r JOIN home h ON h.id = r.home_id WHERE h.city_code <> '';
INSERT INTO access_office_city (office_id, city, answers)
    SELECT id, city_code, CASE WHEN kind = 'city_elderly' THEN TRUE ELSE FALSE END FROM office WHERE city_code <> '' AND kind LIKE 'city_%';
