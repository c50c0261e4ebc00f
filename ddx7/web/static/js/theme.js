// Runs before the page is drawn, so that it never flashes in the wrong colours.
(function () {
  const kept = localStorage.getItem("ddx7.theme");
  const dark = kept ? kept === "dark" : !matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
