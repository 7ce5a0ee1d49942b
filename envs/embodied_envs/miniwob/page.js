// Runs in every page before the page's own scripts: gives it a clock that only `advance` moves, and
// offers window.__embodied, through which the environment looks at the page.
(() => {
  "use strict";

  // --- the clock: time passes between two commands only as far as the environment says

  const NOON = Date.UTC(2020, 0, 6, 12);
  const MOST_CALLBACKS = 20000;
  const RealDate = Date;
  let timers = new Map();
  let now = 0;
  let nextTimer = 1;

  const later = (callback, delay, period, args) => {
    const id = nextTimer++;
    timers.set(id, { id, due: now + Math.max(1, Number(delay) || 0), period, callback, args });
    return id;
  };
  const cancel = (id) => { timers.delete(Number(id)); };
  const run = (timer) => {
    try {
      if (typeof timer.callback === "function") timer.callback(...timer.args);
      else (0, eval)(String(timer.callback));
    } catch (error) {
      console.error(error);
    }
  };
  const advance = (milliseconds) => {
    const end = now + milliseconds;
    for (let count = 0; count < MOST_CALLBACKS; count++) {
      let first = null;
      for (const timer of timers.values())
        if (timer.due <= end && (first === null || timer.due < first.due)) first = timer;
      if (first === null) break;
      now = Math.max(now, first.due);
      if (first.period === null) timers.delete(first.id);
      else first.due = now + first.period;
      run(first);
    }
    now = end;
  };

  window.setTimeout = (callback, delay, ...args) => later(callback, delay, null, args);
  window.setInterval = (callback, delay, ...args) =>
    later(callback, delay, Math.max(1, Number(delay) || 0), args);
  window.requestAnimationFrame = (callback) => later(() => callback(now), 16, null, []);
  window.clearTimeout = window.clearInterval = window.cancelAnimationFrame = cancel;
  performance.now = () => now;
  window.Date = new Proxy(RealDate, {
    construct: (target, args, maker) =>
      Reflect.construct(target, args.length ? args : [NOON + now], maker),
    apply: () => new RealDate(NOON + now).toString(),
    get: (target, key) => (key === "now" ? () => NOON + now : Reflect.get(target, key)),
  });

  // Numbers drawn before the episode's seed is set are the same in each episode as well.
  let state = 1;
  Math.random = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };

  // --- what a user sees: the page as indented lines

  const HIDDEN = new Set(["reward-display", "sync-task-cover", "click-canvas", "query"]);
  const FRAMES = new Set(["wrap", "area"]);
  const IGNORED = new Set(["SCRIPT", "STYLE", "TEMPLATE", "BR", "HR", "DEFS", "NOSCRIPT"]);
  const WHOLE = new Set(["A", "BUTTON", "H1", "H2", "H3", "H4", "H5", "H6"]);
  const GROUPS = new Set(["UL", "OL", "LI", "TABLE", "TR", "P", "FORM", "FIELDSET", "SVG"]);
  const SET_AT_ONCE = new Set(["date", "time", "month", "week", "datetime-local", "color", "range"]);
  const TYPABLE = new Set(["text", "password", "search", "email", "number", "tel", "url"]);
  const LINE_CHARACTERS = 1500;
  const COLORS = new Map(Object.entries({
    "0,0,0": "black", "255,255,255": "white", "255,0,0": "red", "0,128,0": "green",
    "0,0,255": "blue", "0,255,255": "aqua", "255,0,255": "magenta", "255,255,0": "yellow",
    "0,255,0": "lime", "128,128,128": "grey", "255,165,0": "orange", "128,0,128": "purple",
    "255,192,203": "pink", "165,42,42": "brown", "128,0,0": "maroon", "0,0,128": "navy",
    "128,128,0": "olive", "0,128,128": "teal",
  }));

  let refs = new WeakMap();
  const elements = new Map();
  const refOf = (element) => {
    if (!refs.has(element)) {
      refs.set(element, elements.size + 1);
      elements.set(elements.size + 1, element);
    }
    return refs.get(element);
  };

  const clean = (text) => text.replace(/\s+/g, " ").trim();
  const quoted = (text) => {
    const cut = text.length > LINE_CHARACTERS ? text.slice(0, LINE_CHARACTERS) + "…" : text;
    return JSON.stringify(cut);
  };
  const textOf = (element) =>
    clean(element instanceof HTMLElement ? element.innerText : element.textContent);
  const isShown = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true })) return false;
    const box = element.getBoundingClientRect();
    return box.right + window.scrollX > 0 && box.bottom + window.scrollY > 0;
  };
  const hasArea = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0;
  };
  const isShape = (element) => element instanceof SVGGeometryElement;
  const classes = (element) => [...element.classList];

  const colorName = (css) => {
    const parts = (css.match(/[\d.]+/g) || []).map(Number);
    if (parts.length < 3 || parts[3] === 0) return "";
    const [r, g, b] = parts.map(Math.round);
    const hex = [r, g, b].map((part) => part.toString(16).padStart(2, "0")).join("");
    return COLORS.get(`${r},${g},${b}`) || `#${hex}`;
  };
  const paint = (element) => {
    const style = getComputedStyle(element);
    if (isShape(element) || element.tagName === "text")
      return colorName(style.fill) || colorName(style.stroke);
    return colorName(style.backgroundColor);
  };
  const isPicture = (element) => {
    if (isShape(element) || ["IMG", "CANVAS", "text"].includes(element.tagName)) return true;
    const style = getComputedStyle(element);
    const drawn = [element, "::before", "::after"].some((part) => {
      const its = part === element ? style : getComputedStyle(element, part);
      return its.backgroundImage !== "none" || (part !== element && its.content.length > 2);
    });
    const edged = parseFloat(style.borderTopWidth) > 0 && parseFloat(style.borderLeftWidth) > 0;
    return drawn || edged || paint(element) !== "" || style.cursor === "pointer";
  };
  const isDraggable = (element) =>
    element.getAttribute("draggable") === "true" ||
    classes(element).some((name) => /draggable|sortable-handle|slider-handle/.test(name));

  const place = (element) => {
    const box = element.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2].map(Math.round);
    return `at ${x},${y} size ${Math.round(box.width)}x${Math.round(box.height)}`;
  };
  const kindOf = (element) => {
    const own = classes(element).filter((name) => !name.startsWith("ui-"));
    const names = own.length || element.id ? own : classes(element).slice(-1);
    const isIcon = element instanceof HTMLElement && !element.id.startsWith("ui-id-");
    const id = element.id && isIcon ? `#${element.id}` : ""; // ids of shapes tell what nobody sees
    return element.tagName.toLowerCase() + id + names.map((name) => `.${name}`).join("");
  };
  const flags = (element) => {
    const found = [];
    const near = element.closest("[aria-selected],[aria-expanded]");
    const bearer = near && textOf(near) === textOf(element) ? near : element;
    const expanded = bearer.getAttribute("aria-expanded");
    if (expanded !== null) found.push(expanded === "true" ? "expanded" : "collapsed");
    const marked = classes(element).some((name) => /^(ui-)?(selected|active|state-active)$/.test(name));
    if (bearer.getAttribute("aria-selected") === "true" || marked) found.push("selected");
    if (element.disabled) found.push("disabled");
    if (document.activeElement === element) found.push("focused");
    if (isDraggable(element)) found.push("draggable", place(element));
    return found;
  };

  const labelInside = (element) => {
    const label = element.closest("label");
    return label && label.control === element ? textOf(label) : "";
  };
  const choices = (select) => {
    const texts = [...select.options].map((option) => quoted(clean(option.text)));
    const chosen = [...select.selectedOptions].map((option) => quoted(clean(option.text)));
    return [select.multiple ? "multiple" : "", `selected=${chosen.join(",")}`, `options=${texts.join(",")}`];
  };
  const field = (element) => {
    if (element.tagName === "SELECT") return ["select", ...choices(element)];
    if (element.tagName === "TEXTAREA") return ["textarea", `value=${quoted(element.value)}`];
    if (["button", "submit", "reset"].includes(element.type)) return ["button", quoted(element.value)];
    if (["checkbox", "radio"].includes(element.type)) {
      const name = labelInside(element);
      return [element.type, name && quoted(name), element.checked ? "checked" : "unchecked"];
    }
    const hint = element.placeholder ? `placeholder=${quoted(element.placeholder)}` : "";
    const at = element.type === "range" ? place(element) : "";
    return ["input", `type=${element.type}`, `value=${quoted(element.value)}`, hint, at];
  };
  const isField = (element) => ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName);

  const line = (element, ...parts) =>
    [`[${refOf(element)}]`, ...parts, ...flags(element)].filter(Boolean).join(" ");

  const leaf = (element) => {
    if (!hasArea(element) && element.tagName !== "line") return [];
    const text = textOf(element);
    const picture = isShape(element) || element.tagName === "text";
    if (text && !picture) {
      const tag = WHOLE.has(element.tagName) ? element.tagName.toLowerCase() : kindOf(element);
      return [line(element, tag, quoted(text))];
    }
    const box = element.getBoundingClientRect();
    if (!picture && (!isPicture(element) || box.width < 3 || box.height < 3)) return [];
    const color = paint(element);
    const parts = [kindOf(element), text && quoted(text), color && `color=${color}`];
    return [line(element, ...parts, isDraggable(element) ? "" : place(element))];
  };

  const below = (element) =>
    [...element.childNodes].flatMap((child) => {
      if (child instanceof Element) return describe(child);
      const text = child instanceof Text ? clean(child.data) : "";
      const named = element.closest("label");
      const told = named && named.control && named.contains(named.control) && isShown(named.control);
      return text && !told ? [quoted(text)] : [];
    });

  const describe = (element) => {
    if (HIDDEN.has(element.id) || IGNORED.has(element.tagName) || !isShown(element)) return [];
    if (isField(element)) return hasArea(element) ? [line(element, ...field(element))] : [];
    const isFrame = FRAMES.has(element.id) || element === document.body;
    const parts = [...element.children].filter((child) => !IGNORED.has(child.tagName) && isShown(child));
    const isLeaf = parts.length === 0 || (WHOLE.has(element.tagName) && textOf(element) !== "");
    if (isLeaf) return isFrame && textOf(element) === "" ? [] : leaf(element);
    const lines = below(element);
    if (lines.length === 0) return isFrame ? [] : leaf(element);
    const isNamed = element.id || element.classList.length || GROUPS.has(element.tagName.toUpperCase());
    const isAlone = lines.length < 2 && !isDraggable(element);
    if (isFrame || isAlone || !isNamed) return lines;
    return [line(element, kindOf(element)), ...lines.map((one) => `  ${one}`)];
  };

  const utterance = () => {
    const said = core.getUtterance();
    return typeof said === "string" ? said : said.utterance;
  };

  const observe = (milliseconds) => {
    if (typeof core === "undefined" || document.getElementById("sync-task-cover") === null)
      return { left: true };
    if (!WOB_DONE_GLOBAL) advance(milliseconds);
    if (WOB_DONE_GLOBAL)
      return { done: true, raw_reward: WOB_RAW_REWARD_GLOBAL, reason: String(WOB_REWARD_REASON ?? "") };
    if (core.EP_TIMER === null) return { left: true };
    return { done: false, instruction: utterance(), lines: describe(document.body) };
  };

  // --- what a user does, as far as it takes knowledge of the page

  // Loads the pictures that the page's styles name, so that they have their size when they appear.
  const pictures = [];
  const prepare = () => {
    const rules = [...document.querySelectorAll("style")].map((style) => style.textContent).join();
    const found = [...rules.matchAll(/url\(["']?([^"')]+)["']?\)/g)].map((match) => match[1]);
    for (const url of new Set(found)) {
      const picture = new Image();
      picture.src = url;
      pictures.push(picture);
    }
    return Promise.allSettled(pictures.map((picture) => picture.decode()));
  };

  // Makes a page that was played as it was when it was loaded, as far as its `genProblem` does not do
  // it itself. Returns whether that worked: not where something goes on moving.
  const REST_MILLISECONDS = 10000;
  let loaded = null;
  const copy = (some) => new Map([...some].map(([id, timer]) => [id, { ...timer }]));
  const rewind = () => {
    core.endEpisode(0);
    advance(REST_MILLISECONDS);
    if ([...timers.keys()].some((id) => !loaded.timers.has(id))) return false;
    // Out of the document and back: nothing has focus, is scrolled, or can be undone any more.
    const root = document.documentElement;
    root.replaceChild(document.body, document.body);
    const last = root.appendChild(document.createElement("input"));
    last.focus(); // keyboard users start from the end, so that Tab leads to the first element
    last.remove();
    timers = copy(loaded.timers);
    ({ now, nextTimer } = loaded);
    elements.clear();
    refs = new WeakMap();
    WOB_EPISODE_ID = 0;
    return true;
  };

  const isUsed = () => loaded !== null;
  const start = async (url, seed, mode) => {
    if (location.href !== url || document.getElementById("sync-task-cover") === null)
      return { left: true };
    if (!isUsed()) {
      loaded = { timers: copy(timers), now, nextTimer };
      await prepare();
    } else if (!rewind()) return { left: true };
    Math.seedrandom(seed);
    core.setDataMode(mode);
    core.EPISODE_MAX_TIME = 1e12;
    core.startEpisodeReal();
    return observe(0);
  };

  const named = (ref) => {
    const element = elements.get(ref);
    if (element === undefined) return { error: `there is no element [${ref}]` };
    if (!element.isConnected || !isShown(element)) return { error: `[${ref}] is not on the page any more` };
    return { element };
  };

  const reaches = (element, x, y) => {
    const hit = document.elementFromPoint(x, y);
    return hit !== null && (element === hit || element.contains(hit));
  };

  const locate = (ref) => {
    const { element, error } = named(ref);
    if (error) return { error };
    element.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const first = element.getClientRects()[0] || element.getBoundingClientRect();
    const box = element.getBoundingClientRect();
    const points = [[first.left + first.width / 2, first.top + first.height / 2]];
    for (const down of [0.5, 0.3, 0.7, 0.1, 0.9])
      for (const across of [0.5, 0.3, 0.7, 0.1, 0.9])
        points.push([box.left + box.width * across, box.top + box.height * down]);
    const point = points.find(([x, y]) => reaches(element, x, y));
    if (point !== undefined) return { x: point[0], y: point[1] };
    const above = document.elementFromPoint(...points[0]);
    return { error: `[${ref}] is covered${above ? ` by ${kindOf(above)}` : ""}` };
  };

  const tell = (element) => {
    element.dispatchEvent(new Event("input", { bubbles: true }));
    element.dispatchEvent(new Event("change", { bubbles: true }));
  };

  // Gives an element its value, or says where to click before keys are typed into it.
  const fill = (ref, text) => {
    const found = locate(ref);
    if (found.error) return found;
    const element = elements.get(ref);
    if (element.tagName === "INPUT" && SET_AT_ONCE.has(element.type)) {
      element.focus();
      element.value = text;
      if (element.value !== text && element.type !== "range" && element.type !== "color") {
        const forms = { date: "2020-12-31", time: "23:59", month: "2020-12", week: "2020-W53" };
        const form = forms[element.type] || "2020-12-31T23:59";
        return { error: `[${ref}] takes a ${element.type} such as ${form}` };
      }
      tell(element);
      return { typed: true };
    }
    return { typed: false, ...found };
  };

  // Marks the text of a field, so that what is typed takes its place.
  const mark = (ref) => {
    const { element, error } = named(ref);
    if (error) return { error };
    if (element.tagName === "TEXTAREA" || (element.tagName === "INPUT" && TYPABLE.has(element.type))) {
      element.focus();
      element.select();
    }
    return {};
  };

  const choose = (ref, text) => {
    const { element, error } = named(ref);
    if (error) return { error };
    if (element.tagName !== "SELECT") return { error: `[${ref}] is no select; click it instead` };
    const option = [...element.options].find((one) => clean(one.text) === clean(text));
    if (option === undefined) return { error: `[${ref}] has no option ${quoted(text)}` };
    element.focus();
    option.selected = true;
    tell(element);
    return {};
  };

  const scroll = (ref, pixels) => {
    const { element, error } = named(ref);
    if (error) return { error };
    let box = element;
    while (box !== null && box.scrollHeight <= box.clientHeight + 1) box = box.parentElement;
    (box || document.scrollingElement).scrollBy({ top: pixels, behavior: "instant" });
    return {};
  };

  const calls = { isUsed, start, observe, locate, fill, mark, choose, scroll };
  Object.defineProperty(window, "__embodied", { value: calls });
})();
