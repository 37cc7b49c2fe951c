// News while a page is open. Everything works without this; with it nobody has to look again.
"use strict";
(() => {
  const source = new EventSource(document.body.dataset.news);
  const log = document.getElementById("log");
  const alarms = document.getElementById("alarms");
  const status = document.getElementById("status");

  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  source.addEventListener("line", (event) => {
    const line = JSON.parse(event.data);
    if (line.alarm) alarms.append(element("p", `${line.at}  ${line.words}`, "alarm"));
    if (!log) return;
    const item = element("li", "", line.alarm ? "alarm" : "");
    const time = element("time", line.at);
    time.dateTime = line.iso;
    item.append(time, " ", element("span", line.words));
    log.prepend(item);
  });

  source.addEventListener("came", () => {
    if (document.getElementById("came")) return;
    const line = element("p", `${status.dataset.line} `, "notice");
    line.id = "came";
    const again = element("a", status.dataset.again);
    again.href = "";
    line.append(again);
    status.append(line);
  });

  source.addEventListener("locked", () => {
    source.close();
    document.body.replaceChildren();
    location.reload();
  });
})();
