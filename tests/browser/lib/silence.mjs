// The story of a door that did not open, told once with JavaScript and once without: a recorded home goes in by real MQTT, its person falls silent, and the alert is worked by
// operator, care manager and doctor to its end; every look and step is in the audit chain.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch } from './browser.mjs';
import { publish } from './gateway.mjs';
import { become } from './person.mjs';
import { messages, recording } from './recording.mjs';
import { postgres, start, until } from './start.mjs';

/** The town's clock begins here, so that the story is the same at any hour of the day. A Sunday. */
const NOW = '2026-11-22T10:00';
/** The person's last day is missing, and an hour more, so that the cap of 24 hours is over. */
const SILENCE_HOURS = 25;
/** After a gateway is back, what it kept has half a minute to follow before anything is told; then it is seconds. */
const ALERT_MS = 60_000;
const PLACES = { entrance: ['entrance', '玄関'], fridge: ['fridge', '台所'], bathroom: ['bathroom', '浴室'] };

let browser;
let town;
let mqtt;
let began;

/**
 * Registers the story's tests, with a town of its own.
 *
 * @param {object} options
 * @param {boolean} options.javascript
 * @param {string} options.home which recording is played
 */
export function silence({ javascript, home }) {
  before(async () => {
    [browser, town] = await Promise.all([launch(), start({ residents: 12, staff: 60, seed: 1, now: NOW })]);
    began = Date.now();
    mqtt = Number((await until(() => /MQTT\s+127\.0\.0\.1:(\d+)/.exec(town.log()), 'the port of the gateways'))[1]);
  });

  after(async () => {
    await browser?.close();
    await town?.stop();
  });

  test(`a silence is worked to its end, JavaScript ${javascript ? 'on' : 'off'} (${home})`, async () => {
    const as = (who, size) => become(browser, town.url, { who, size, javascript, story: 'silence' });
    await shortenWaits(await as(/市 高齢福祉：/, 'desktop'));
    const resident = await register(await as(/事務局：/, 'desktop'), home);
    const took = await tell(await as(/コールセンター：/, 'desktop'), resident);
    assert.ok(took < ALERT_MS);
    const address = await call(await as(/コールセンター：/, 'desktop'), resident);
    const manager = await as(spaced([resident.manager]), 'phone');
    await visit(manager, resident);
    await answer(await as(spaced([resident.doctor]), 'tablet'), resident);
    await close(manager, resident);
    await ended(await as(/コールセンター：/, 'desktop'), resident, address);
    await audited(await as(/監査：/, 'desktop'), resident);
  });

  test('the audit chain verifies, against heads kept outside the database as well', verified);
}

/** The town's time, milliseconds. */
const clock = () => Date.parse(`${NOW}:00+09:00`) + Date.now() - began;

/** The city sets two calls, half a minute apart: a rule of its own, which spares the test minutes. */
async function shortenWaits(city) {
  await city.page.goto('/watch-script');
  await city.page.getByLabel('通常（回）').fill('2');
  await city.page.locator('[name=retry_interval]').fill('0.5');
  await city.press('保存する');
  await city.look('city-settings');
  await city.shut();
}

async function verified() {
  const folder = join(town.data, 'operations');
  const heads = join(folder, 'audit-heads.jsonl');
  await until(() => existsSync(heads) && readFileSync(heads, 'utf8').trim(), 'the first signed head', 90_000);
  const database = postgres ? `postgres = "${postgres} dbname=${town.database}"` : `sqlite = "${join(town.data, 'town.db')}"`;
  const config = join(town.data, 'verify.toml');
  writeFileSync(config, `[database]\n${database}\n[web]\ntrusted_proxies = ["127.0.0.1"]\n[operations]\nfolder = "${folder}"\n`);
  const said = execFileSync(process.env.TSUNAGARI_BIN, ['audit', 'verify', '--config', config, '--heads', heads], { encoding: 'utf8' });
  const [, rows, checked] = /監査記録(\d+)行に異常はありません。鎖1本、照合したヘッド(\d+)件/.exec(said) ?? assert.fail(said);
  assert.ok(Number(rows) > 100 && Number(checked) > 0, said);
}

/** The office registers consent, contract and gateway, the gateway speaks, and its devices get their places. */
async function register(office, home) {
  const { page } = office;
  await office.look('register');
  const resident = await withoutSensors(office);
  await page.goto(`/register/${resident.id}/team`);
  await office.look('team');
  resident.manager = await member(page, '担当ケアマネ');
  resident.doctor = await member(page, '主治医');
  await consent(office, resident);
  await page.goto(resident.devices);
  await office.look('home-before');
  await office.press('見守りを始める');
  const name = `gw-${home.toLowerCase().replace('_', '-')}`;
  await page.getByLabel('名前').fill(name);
  await page.getByLabel('回線の種類').fill('光（見本ネット）');
  await office.press('ゲートウェイを登録する');
  await office.look('credential');
  const [user, credential] = await page.locator('.card code').allInnerTexts();
  assert.equal(user, name);
  assert.match(credential, /^[0-9a-f]{64}$/, '256 bits');
  await assert.rejects(publish({ port: mqtt, name, credential: '0'.repeat(64) }, ['{"kind":"heartbeat"}']));
  resident.gateway = { port: mqtt, name, credential };
  resident.recording = recording(home, { now: clock(), silence: SILENCE_HOURS });
  await mount(office, resident);
  await page.goto(resident.devices);
  assert.ok(!(await page.content()).includes(credential), 'the credential is shown once');
  await office.shut();
  return resident;
}

/** The name of whoever has this part in the team. */
async function member(page, part) {
  const row = page.locator('tbody tr').filter({ hasText: part }).first();
  const cells = (await row.innerText()).split(/\s*[\t\n]\s*/);
  const name = cells[cells.findIndex((cell) => cell.includes(part)) + 1];
  assert.ok(name, await row.innerText());
  return name;
}

/** A name as pages write it, with whatever space between its parts. */
const spaced = (name) => new RegExp(name.flatMap((part) => part.split(/\s+/)).join('\\s*'));

async function withoutSensors({ page, look, follow }) {
  const links = await page.locator('table a[href^="/register/"]').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
  for (const link of links) {
    await page.goto(link);
    const name = await page.locator('ruby').evaluateAll((all) => all.map((ruby) => ruby.firstChild.textContent.trim()));
    await follow('見守りの契約と機器');
    if (await page.getByText('登録された機器はありません').count()) {
      const devices = new URL(page.url()).pathname;
      await page.goBack();
      await look('person');
      return { id: link.split('/').at(-1), name: name.slice(0, 2), devices };
    }
  }
  throw new Error('every home has sensors');
}

async function consent(office, resident) {
  const { page } = office;
  await page.goto(`/register/${resident.id}/consents`);
  await office.look('consents');
  const watch = page.locator('section.card').filter({ has: page.getByRole('heading', { name: /^見守り/ }) }).first();
  await office.follow(/記録する/, watch);
  await page.getByRole('radio', { name: '同意', exact: true }).check();
  await page.getByLabel('説明した方').fill('事務局　見本花子');
  await page.getByLabel('取得方法').selectOption({ index: 1 });
  await page.getByLabel(/^取得日/).fill('2026-11-01');
  await page.getByLabel(/署名した方（/).fill(resident.name.join('　'));
  await page.getByLabel('署名した方の続柄').selectOption({ label: '本人' });
  await office.look('consent');
  await office.press('記録する');
  assert.equal(await page.getByRole('heading', { name: 'これまでの記録' }).count(), 1, 'the consent stands on the list');
}

/** Each device speaks once and is then known in the inbox; somebody says where it hangs. */
async function mount(office, resident) {
  const { page } = office;
  const { devices } = resident.recording;
  const at = clock();
  await publish(resident.gateway, messages([...devices.keys()].map((device) => ({ device, at, kind: 'contact', value: 'closed' }))));
  await page.goto(resident.devices);
  await office.look('unknown-devices');
  for (let left = devices.size; left > 0; left -= 1) {
    const form = page.locator('form').filter({ has: page.locator('[name=serial][type=hidden]') }).first();
    const serial = await form.locator('[name=serial]').inputValue();
    const [kind, place] = PLACES[devices.get(serial)];
    await form.getByLabel('種類').selectOption(kind);
    await form.getByLabel('取り付け場所').fill(place);
    await office.press('登録する', form);
  }
  await office.look('devices');
  assert.equal(await page.locator('table tbody tr').count(), devices.size);
}


/** The gateway, cut off until now, tells what it kept; the operator's queue shows the alert. Gives the time it took. */
async function tell(operator, resident) {
  const { page } = operator;
  const row = page.getByRole('link', { name: spaced(resident.name) });
  assert.match(page.url(), /\/cases$/);
  assert.equal(await row.count(), 0, 'no alert before the recording');
  await operator.look('queue-before');
  // Without a script nothing arrives by itself; the operator has the page loaded again.
  const renewal = page.getByRole('link', { name: /秒ごとに自動で更新する/ });
  if (await renewal.count()) await renewal.click();
  const { readings, last } = resident.recording;
  assert.ok(clock() - last > 24 * 60 * 60 * 1000);
  const told = await publish(resident.gateway, messages(readings));
  assert.ok(told > 1, 'the recording is more than one message');
  const from = Date.now();
  await publish(resident.gateway, ['[{"kind":"heartbeat"}]']);
  await until(() => row.count().catch(() => 0), 'the alert in the queue, without a touch', ALERT_MS);
  const took = Date.now() - from;
  assert.equal(await row.count(), 1, 'one silence, one case');
  await operator.look('queue');
  await operator.shut();
  return took;
}

/** Taken, the resident called twice, every contact called, the care manager asked to go. Gives the case's address. */
async function call(operator, resident) {
  const { page } = operator;
  await operator.follow(spaced(resident.name), page.locator('#queue'));
  const address = new URL(page.url()).pathname;
  const next = page.locator('section.next');
  await operator.look('case');
  assert.match(await page.locator('[aria-label="アラートの理由"]').innerText(), /動きがありません|開いていません|使われていません/);
  assert.ok(!(await page.content()).includes('高血圧症'), 'no diagnosis at the call centre');
  await operator.press('受け付ける', next);
  await operator.look('case-taken');
  await operator.press('不在', next);
  await operator.look('case-called-once');
  await until(async () => {
    await page.waitForTimeout(1000);
    await page.reload();
    return (await next.getByText('少し間をおいてください').count()) === 0;
  }, 'the interval between two calls', 45_000);
  await operator.press('不在', next);
  await operator.look('case-call-contact');
  while (await next.getByRole('button', { name: '不在' }).count()) {
    assert.match(await next.innerText(), /さんに電話/);
    await operator.press('不在', next);
  }
  await operator.look('case-request-visit');
  await next.getByLabel(new RegExp(`ケアマネ.*${resident.manager.split(/\s/).join('\\s*')}`)).check();
  await next.getByLabel('伝えること').fill('昨夜から応答がありません。鍵の開け方をご確認のうえ、様子をお願いします。');
  await operator.press('訪問を依頼する', next);
  await operator.look('case-visit-requested');
  assert.match(await page.locator('main').innerText(), /訪問/);
  await operator.shut();
  return address;
}

/** On the way, at the door, what was found, and the question to the doctor: on a telephone. */
async function visit(manager, resident) {
  const { page } = manager;
  assert.match(page.url(), /\/today$/);
  await manager.look('manager-today');
  await manager.follow(spaced(resident.name), page.locator('#today section[aria-labelledby=visits]'));
  await manager.look('visit');
  await manager.press('向かいます');
  await manager.look('visit-on-the-way');
  await manager.press('着きました');
  await manager.look('visit-arrived');
  const report = page.locator('#report').last();
  await report.getByLabel('メモ').fill('居間で横になっていた。ふらつきあり、水分がとれていない。受け答えはできる。');
  await manager.press(/体調不良/, report);
  await manager.look('visit-reported');
  await page.getByLabel('相談する医師').selectOption({ index: 0 });
  const question = page.getByLabel('相談の内容');
  assert.match(await question.inputValue(), /水分がとれていない/, 'the report is the beginning of the question');
  await question.fill(`${await question.inputValue()}往診をお願いできますか。`);
  await manager.press('医師に相談する');
  await manager.look('visit-consulted');
}

/** The doctor's answer: open, choose, send. */
async function answer(doctor, resident) {
  const { page } = doctor;
  assert.match(page.url(), /\/today$/);
  await doctor.look('doctor-today');
  const waiting = page.locator('section[aria-labelledby=waiting] article').filter({ hasText: resident.name[0] }).filter({ hasText: resident.name[1] });
  await doctor.follow(/./, waiting.locator('.lead'));
  await doctor.look('doctor-note');
  assert.match(await page.locator('main').innerText(), /往診をお願いできますか/);
  await page.getByLabel('往診します。').check();
  await doctor.press('返信を送る');
  await doctor.look('doctor-answered');
  await doctor.shut();
}

async function close(manager, resident) {
  const { page } = manager;
  await page.reload();
  assert.match(await page.locator('main').innerText(), /往診します/);
  await manager.look('visit-answered');
  const after = page.locator('section[aria-labelledby=after-title]');
  await after.getByRole('radio').first().check();
  await after.getByLabel('まとめ').fill('脱水の疑い。往診の手配ができ、ご本人は落ち着いている。');
  await manager.press('解消する', after);
  await manager.look('case-closed');
  await manager.page.goto('/today');
  assert.equal(await page.getByRole('heading', { name: /訪問する方/ }).count(), 1);
  assert.equal(await page.locator('section[aria-labelledby=visits]').getByText(spaced(resident.name)).count(), 0);
  await manager.shut();
}

/** Nobody waits for it any more, and the call centre no longer sees the person. */
async function ended(operator, resident, address) {
  const { page } = operator;
  assert.equal(await page.locator('#queue').getByText(spaced(resident.name)).count(), 0);
  const answer = await page.goto(address);
  assert.equal(answer.status(), 403);
  assert.equal(await page.getByText(spaced(resident.name)).count(), 0);
  await operator.shut();
}

/** Oldest first: what must stand about this person, in this order, whatever stands between. */
const STEPS = [
  '台帳：同意を記録', '見守り：見守りを開始', '見守り：ゲートウェイを登録', '見守り：機器を割り当て',
  '見守り：アラートを発報', '対応：案件を開始', '閲覧：対応一覧', '閲覧：案件', '対応：受け付け',
  '対応：架電を記録', '対応：架電を記録', '対応：架電を記録', '対応：訪問を依頼', '閲覧：きょうの画面', '閲覧：訪問依頼',
  '対応：訪問先へ向かった', '対応：訪問先に着いた', '対応：訪問を報告', '連絡帳：記事を書いた', '対応：医療相談',
  '閲覧：連絡帳', '連絡帳：既読にした', '連絡帳：返信した', '対応：医療相談に回答', '対応：案件を解消',
];

/** What was done, newest first, over all pages of the list. */
async function everyAct(page, address) {
  const acts = [];
  for (let next = address; next; ) {
    await page.goto(next);
    const cells = await page.locator('tbody tr td:nth-child(3)').allInnerTexts();
    acts.push(...cells.map((cell) => cell.split('\n')[0].trim()));
    const older = page.locator('.pager a[href*=before]');
    next = (await older.count()) > 0 && await older.first().getAttribute('href');
  }
  return acts;
}

async function audited(auditor, resident) {
  const { page } = auditor;
  assert.match(page.url(), /\/audit$/);
  await auditor.look('audit');
  const acts = await until(async () => {
    const found = await everyAct(page, `/audit/persons/${resident.id}`);
    return found.includes('対応：案件を解消') && found;
  }, 'the rows about the person', 90_000);
  await page.goto(`/audit/persons/${resident.id}`);
  await auditor.look('audit-person');
  const kept = acts.reverse();
  let place = 0;
  for (const step of STEPS) {
    const at = kept.indexOf(step, place);
    assert.ok(at >= 0, `「${step}」 after ${place} rows of:\n${kept.join('\n')}`);
    place = at + 1;
  }
  await auditor.shut();
}
