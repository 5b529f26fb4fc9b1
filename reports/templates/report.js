(function () {
  var form = document.getElementById("filter");
  var word = form.querySelector("input[type=search]");
  var only = form.querySelector("input[type=checkbox]");
  var calm = ["pass", "waived", "not-applicable"];
  function apply() {
    var text = word.value.toLowerCase();
    document.querySelectorAll("details.control").forEach(function (one) {
      var fits = one.dataset.text.toLowerCase().indexOf(text) >= 0;
      var loud = calm.indexOf(one.dataset.outcome) < 0;
      one.hidden = !fits || (only.checked && !loud);
    });
  }
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  word.addEventListener("input", apply);
  only.addEventListener("change", apply);
  function reveal() {
    var one = document.getElementById(location.hash.slice(1));
    if (one && one.tagName === "DETAILS") { one.hidden = false; one.open = true; one.scrollIntoView(); }
  }
  window.addEventListener("hashchange", reveal);
  reveal();
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.control").forEach(function (one) { one.open = true; });
  });
})();
