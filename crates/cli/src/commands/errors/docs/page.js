"use strict";
(() => {
  const form = document.getElementById("filters");
  const shown = document.querySelector("#count span");
  const none = document.getElementById("none");
  const codes = [...document.querySelectorAll("article")].map((article) => ({
    article,
    entry: document.querySelector(`nav [data-of="${article.id}"]`),
    // The example has words of every code, such as `no-store`.
    text: [...article.children].filter((part) => part.tagName !== "DETAILS").map((part) => part.textContent).join("\n").toLowerCase(),
  }));
  const names = [...form.elements].map((field) => field.name).filter(Boolean);
  // A support reference begins with its code: CARD-1001-7KQ4-M2PX.
  const words = (query) => {
    const reference = /^([a-z]{2,8})[- ]?(\d{4})[- ]?[0-9a-z]{4}[- ]?[0-9a-z]{4}$/i.exec(query.trim());
    return (reference ? `${reference[1]}-${reference[2]}` : query).toLowerCase().split(/\s+/);
  };
  const apply = () => {
    const wanted = new FormData(form);
    const query = words(wanted.get("q"));
    let count = 0;
    for (const { article, entry, text } of codes) {
      const fits =
        query.every((word) => text.includes(word)) &&
        names.every((name) => name === "q" || !wanted.get(name) || article.dataset[name] === wanted.get(name));
      article.hidden = !fits;
      entry.hidden = !fits;
      count += fits;
    }
    shown.textContent = count;
    none.hidden = count > 0;
  };
  // What is chosen stands in the address, so that it can be sent to somebody.
  const note = () => {
    const chosen = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    const query = chosen.size ? `?${chosen}` : location.pathname;
    try { history.replaceState(null, "", query + location.hash); } catch { /* a browser that has none for files */ }
  };
  const changed = () => { apply(); note(); };
  const reveal = () => {
    const target = codes.find(({ article }) => `#${article.id}` === location.hash);
    if (target?.article.hidden) { form.reset(); apply(); target.article.scrollIntoView(); }
  };
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (names.includes(name)) form.elements[name].value = value;
  }
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(changed));
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  form.hidden = false;
  apply();
  reveal();
})();
