(function () {
  "use strict";
  var form = document.getElementById("filter");
  var word = form.querySelector("input[type=search]");
  var outcome = document.getElementById("by-outcome");
  var place = document.getElementById("by-place");
  var only = document.getElementById("only");
  var told = form.querySelector("output");
  var controls = Array.prototype.slice.call(document.querySelectorAll("details.control"));
  var texts = controls.map(function (one) { return one.textContent.toLowerCase(); });
  form.hidden = false;

  function fits(one, index) {
    var at = one.dataset.at;
    var here = place.value === "" ? at : at.charAt(Number(place.value));
    return texts[index].indexOf(word.value.trim().toLowerCase()) >= 0 &&
      here.trim() !== "" &&
      (outcome.value === "" || here.indexOf(outcome.value) >= 0) &&
      (!only.checked || /[fus]/.test(here));
  }

  function apply() {
    var shown = 0;
    controls.forEach(function (one, index) {
      one.hidden = !fits(one, index);
      shown += one.hidden ? 0 : 1;
    });
    var whole = shown === controls.length;
    document.querySelectorAll("div.section").forEach(function (one) {
      one.hidden = !whole && !one.querySelector("details.control:not([hidden])");
    });
    told.textContent = whole ? "" : shown + " of " + controls.length;
  }

  function reveal() {
    var one = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (one && one.tagName === "DETAILS") {
      one.hidden = false;
      one.open = true;
      one.scrollIntoView();
    }
  }

  // an answer is in the page once; where it is asked for it is shown on the spot
  function unfold(link, event) {
    var item = link.closest("li");
    var source = document.getElementById(link.getAttribute("href").slice(1));
    if (!item || !source) { return; }
    event.preventDefault();
    var old = item.querySelector("[data-of='" + source.id + "']");
    if (old) { old.remove(); return; }
    var copy = document.createElement("div");
    copy.className = "answer";
    copy.dataset.of = source.id;
    Array.prototype.forEach.call(source.children, function (child) {
      var part = document.createElement(child.tagName === "SUMMARY" ? "p" : child.tagName);
      Array.prototype.forEach.call(child.childNodes, function (node) {
        part.appendChild(node.cloneNode(true));
      });
      part.className = child.className;
      copy.appendChild(part);
    });
    item.appendChild(copy);
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest("a");
    if (link && link.closest("ul.evidence")) { unfold(link, event); return; }
    var cell = event.target.closest("table.matrix td");
    var name = cell && !link && cell.parentNode.querySelector("th a");
    if (name) { location.hash = name.getAttribute("href"); reveal(); }
  });
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  [word, outcome, place, only].forEach(function (field) {
    field.addEventListener("input", apply);
  });
  window.addEventListener("hashchange", reveal);
  window.addEventListener("beforeprint", function () {
    controls.forEach(function (one) { one.open = true; });
    document.querySelectorAll("details.answer").forEach(function (one) { one.open = true; });
  });
  apply();
  if (location.hash) { reveal(); }
})();
