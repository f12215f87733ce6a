/* The appearance that was chosen, before anything is drawn. */
(function () {
  "use strict";
  try {
    const chosen = localStorage.getItem("gaussmeter-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Without storage the system's appearance is taken.
  }
})();
