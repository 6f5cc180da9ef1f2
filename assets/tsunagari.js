/* Tsunagari: what makes a page livelier than its plain forms. Nothing here is needed to act.
   Old tablets read it, so it is written in the JavaScript of 2009. It stores no personal data: only whether the
   sound is on, for this browser tab. Contracts with the server's markup:
     body[data-now]            seconds since 1970 on the server's clock when the page was made
     [data-due] [data-near]    a limit and when it becomes near (seconds): 「あと12分」 counts down
     [data-since]              a moment that passed: 「38分前」 grows
     [data-clock]              「10:42」, the time of day by the server's clock
     [data-updated]            「10:42:05」, set whenever something live arrived
     [data-alarm]              somebody must take this: beeps until the last such element is gone
     [data-sound]              the button that unlocks the sound when the shift starts
     form[data-confirm]        asks once more before it is sent
     #line-lost                shown while the live line is down, or the database behind the server */
(function () {
  'use strict';
  var doc = document;
  var body = doc.body;
  var skew = 0;
  if (body.getAttribute('data-now')) {
    skew = Number(body.getAttribute('data-now')) - Math.floor(Date.now() / 1000);
  }

  function now() { return Math.floor(Date.now() / 1000) + skew; }
  function each(selector, act) {
    var found = doc.querySelectorAll(selector), i;
    for (i = 0; i < found.length; i++) { act(found[i]); }
  }
  function two(n) { return (n < 10 ? '0' : '') + n; }

  /* The same words as components/time.rs `length`. */
  function length(seconds) {
    if (seconds < 60) { return seconds + '秒'; }
    if (seconds < 3600) { return Math.floor(seconds / 60) + '分'; }
    var h = Math.floor(seconds / 3600), m = Math.floor(seconds / 60) % 60;
    if (h < 24) { return h + '時間' + (m ? m + '分' : ''); }
    return Math.floor(h / 24) + '日' + (h % 24 ? (h % 24) + '時間' : '');
  }
  function say(element, text) { if (element.textContent !== text) { element.textContent = text; } }
  function mark(element, name, on) { element.classList[on ? 'add' : 'remove'](name); }

  function tick() {
    var t = now();
    each('[data-due]', function (e) {
      var left = Number(e.getAttribute('data-due')) - t;
      var near = Number(e.getAttribute('data-near') || 300);
      mark(e, 'is-over', left < 0);
      mark(e, 'is-near', left >= 0 && left <= near);
      say(e, left < 0 ? length(-left) + '超過' : 'あと' + length(left));
    });
    each('[data-clock]', function (e) {
      var d = new Date((t + 9 * 3600) * 1000);
      say(e, two(d.getUTCHours()) + ':' + two(d.getUTCMinutes()));
    });
    each('[data-since]', function (e) {
      var past = t - Number(e.getAttribute('data-since'));
      say(e, past < 60 ? 'たった今' : length(past) + '前');
    });
  }

  function updated() {
    var t = new Date((now() + 9 * 3600) * 1000);
    var text = two(t.getUTCHours()) + ':' + two(t.getUTCMinutes()) + ':' + two(t.getUTCSeconds());
    each('[data-updated]', function (e) { say(e, text); });
  }

  /* The line. A screen that looks alive and is not is worse than a blank one. */
  var lineLost = false;
  /* 「10:42」 since when the server has no database; then what is shown is no newer, however well the line stands. */
  var awaySince = '';
  function line(lost) {
    if (!lost && window.navigator.onLine === false) { return; }
    lineLost = lost;
    showLine();
  }
  function showLine() {
    var banner = doc.getElementById('line-lost');
    if (!banner) { return; }
    banner.hidden = !lineLost && !awaySince;
    say(banner.querySelector('[data-text]'), lineLost ? banner.getAttribute('data-lost')
      : awaySince ? awaySince + banner.getAttribute('data-away') : '');
  }
  function away(is) {
    var t = new Date((now() + 9 * 3600) * 1000);
    awaySince = !is ? '' : awaySince || two(t.getUTCHours()) + ':' + two(t.getUTCMinutes());
    showLine();
  }
  /* A line may die without a word: the server says something every ten seconds, and who hears nothing for longer
     than twice that lets go and dials anew. */
  var source = null;
  var heard = 0;
  var DEAF = 25000;
  function hear() { heard = Date.now(); line(false); }
  /* A part that is under way or being put in its place hears no word, and may show what was before it: whatever was
     told meanwhile is asked for once it stands, and so is what was told while a form was under way. */
  var STANDS_NOT = ['.htmx-request', '.htmx-swapping', '.htmx-settling', '.htmx-added'];
  var owed = {};
  function live(word) { return '[hx-trigger*="sse:' + word + '"]'; }
  function underWay(word) {
    return isLeaving() || doc.querySelector(STANDS_NOT.join(live(word) + ',') + live(word)) !== null;
  }
  function ask(word) {
    each(live(word), function (e) { window.htmx.trigger(e, 'sse:' + word); });
  }
  function owe(word) {
    if (owed[word]) { return; }
    owed[word] = true;
    (function look() {
      if (underWay(word)) { window.setTimeout(look, 50); return; }
      owed[word] = false;
      ask(word);
    }());
  }
  /* Many screens hear the same word in the same moment. Each asks after a moment of its own, within as many
     milliseconds as the word says; what comes while it waits is asked for with it. Whoever listens by then is told:
     the part that heard the word may have been replaced since. */
  function spread(source, word) {
    var add = source.addEventListener, remove = source.removeEventListener;
    var acts = [], waiting = null;
    add.call(source, word, function (event) {
      var within = Number(event.data) || 0;
      function tell() {
        var now = acts.slice(), i;
        waiting = null;
        if (underWay(word)) { owe(word); return; }
        for (i = 0; i < now.length; i++) { now[i].call(source, event); }
      }
      if (within === 0) {
        window.clearTimeout(waiting);
        tell();
      } else if (waiting === null) {
        waiting = window.setTimeout(tell, Math.random() * within);
      }
    });
    source.addEventListener = function (name, act) {
      if (name === word) { acts.push(act); } else { add.apply(source, arguments); }
    };
    source.removeEventListener = function (name, act) {
      var at = acts.indexOf(act);
      if (name !== word) { remove.apply(source, arguments); } else if (at >= 0) { acts.splice(at, 1); }
    };
  }
  if (window.htmx && window.EventSource) {
    window.htmx.createEventSource = function (url) {
      source = new window.EventSource(url, { withCredentials: true });
      heard = Date.now();
      source.addEventListener('alive', hear);
      source.addEventListener('changed', hear);
      source.addEventListener('messages', hear);
      source.addEventListener('away', function () { hear(); away(true); });
      source.addEventListener('back', function () {
        hear();
        away(false);
        window.setTimeout(askAgain, Math.random() * AGAIN);
      });
      spread(source, 'changed');
      spread(source, 'messages');
      return source;
    };
  }
  function listen() {
    /* Once closed, the next call is under way already. */
    if (!source || source.readyState === 2 || Date.now() - heard < DEAF) { return; }
    heard = Date.now();
    line(true);
    source.close();
    if (source.onerror) { source.onerror(new window.Event('error')); }
  }
  /* What happened while the line was down was told to nobody here: every live part asks for itself again, and after a
     restart of the server not all screens in the same moment. A line that opens late was down until then. */
  var AGAIN = 2000;
  var opened = false;
  var shown = Date.now();
  function askAgain() {
    owe('changed');
    owe('messages');
  }
  body.addEventListener('htmx:sseOpen', function () {
    away(false);
    hear();
    if (opened || Date.now() - shown > AGAIN) { window.setTimeout(askAgain, Math.random() * AGAIN); } else { updated(); }
    opened = true;
  });
  body.addEventListener('htmx:sseError', function () { line(true); });
  body.addEventListener('htmx:sendError', function () { line(true); });
  body.addEventListener('htmx:sseMessage', function () { line(false); updated(); });
  body.addEventListener('htmx:afterSwap', function () { updated(); tick(); });
  window.addEventListener('offline', function () { line(true); });
  /* The old line may lead nowhere now: a new one is dialled, and its word waited for. */
  window.addEventListener('online', function () {
    heard = 0;
    if (source) { listen(); } else { line(false); }
  });

  /* The sound: two tones, made here, so that no file has to arrive first. */
  var audio = null;
  var Audio = window.AudioContext || window.webkitAudioContext;
  function remembered(value) {
    try {
      if (value !== undefined) { window.sessionStorage.setItem('sound', value); }
      return window.sessionStorage.getItem('sound') === 'on';
    } catch (refused) { return false; }
  }
  function tone(hertz, from, seconds) {
    var o = audio.createOscillator(), g = audio.createGain(), t = audio.currentTime + from;
    o.frequency.value = hertz;
    g.gain.setValueAtTime(0.0001, t);
    g.gain.exponentialRampToValueAtTime(0.4, t + 0.02);
    g.gain.exponentialRampToValueAtTime(0.0001, t + seconds);
    o.connect(g);
    g.connect(audio.destination);
    o.start(t);
    o.stop(t + seconds);
  }
  function beep() { tone(880, 0, 0.35); tone(660, 0.4, 0.45); }
  function sounding() { return audio && audio.state === 'running'; }
  function showSound() {
    each('[data-sound]', function (b) {
      var stopped = remembered() && !sounding();
      b.hidden = !Audio;
      b.setAttribute('aria-pressed', sounding() ? 'true' : 'false');
      mark(b, 'is-danger', stopped);
      say(b.querySelector('[data-text]'), b.getAttribute(sounding() ? 'data-on' : stopped ? 'data-stopped' : 'data-off'));
    });
  }
  function unlock() {
    audio = audio || new Audio();
    audio.onstatechange = showSound;
    if (audio.resume) { audio.resume(); }
    showSound();
  }
  doc.addEventListener('click', function (event) {
    var button = event.target.closest ? event.target.closest('[data-sound]') : null;
    if (!Audio) { return; }
    if (!button) { wake(); return; }
    if (sounding()) {
      remembered('off');
      if (audio.suspend) { audio.suspend(); }
    } else {
      remembered('on');
      unlock();
      beep();
    }
  });
  /* A page that was loaded anew is silent until it is touched, on most browsers: any touch or key will do. */
  function wake() { if (Audio && remembered() && !sounding()) { unlock(); } }
  doc.addEventListener('keydown', wake);
  wake();

  doc.addEventListener('submit', function (event) {
    var question = event.target.getAttribute('data-confirm');
    if (question && !window.confirm(question)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);

  /* What was just sent decides where this page goes: until its answer is there nothing here is fetched anew, and what
     was under way is not listened to, or a page that has ended by what was sent would be shown in place of the answer. */
  var sent = 0;
  doc.addEventListener('submit', function (event) {
    if (!event.defaultPrevented && !event.target.hasAttribute('hx-post')) { sent = Date.now(); }
  });
  window.addEventListener('pageshow', function () { sent = 0; });
  function isLeaving() { return Date.now() - sent < 15000; }
  function leaving(event) { if (isLeaving()) { event.preventDefault(); } }
  body.addEventListener('htmx:beforeRequest', leaving);
  /* Nothing that a page fetches by itself would be answered while the database is away. */
  body.addEventListener('htmx:beforeRequest', function (event) {
    var by = event.target.getAttribute && event.target.getAttribute('hx-trigger') || '';
    if (awaySince && /sse:|every /.test(by)) { event.preventDefault(); }
  });
  body.addEventListener('htmx:beforeOnLoad', leaving);

  window.setInterval(function () { tick(); listen(); }, 1000);
  window.setInterval(function () {
    if (sounding() && doc.querySelector('[data-alarm]')) { beep(); }
  }, 4000);
  body.addEventListener('htmx:afterSettle', showSound);
  tick();
  showSound();
}());
