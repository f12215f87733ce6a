"use strict";
(() => {
  // Figures that can be explored take the place of the drawn ones on the screen, not on paper.
  const draw = window.gaussmeterFigure && window.gaussmeterFigure.draw;
  for (const figure of draw ? document.querySelectorAll("figure") : []) {
    const data = figure.querySelector('script[type="application/json"]');
    if (!data) continue;
    const live = document.createElement("div");
    live.className = "live";
    figure.insertBefore(live, figure.firstChild);
    try {
      draw(live, JSON.parse(data.textContent), {});
      figure.classList.add("live");
    } catch (error) {
      live.remove();
      console.error(error);
    }
  }

  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", () => act(made));
    return made;
  };
  for (const block of document.querySelectorAll(".code")) {
    const text = block.querySelector("pre").textContent;
    const copy = button("Copy", async (made) => {
      try {
        await navigator.clipboard.writeText(text);
        made.textContent = "Copied";
      } catch {
        const range = document.createRange();
        range.selectNodeContents(block.querySelector("pre"));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        made.textContent = "Selected: press Ctrl+C";
      }
      setTimeout(() => { made.textContent = "Copy"; }, 2000);
    });
    block.appendChild(copy);
    if (block.dataset.file) {
      block.appendChild(button(`Save ${block.dataset.file}`, () => {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
        link.download = block.dataset.file;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      }));
    }
  }

  // Folded tables are printed.
  const folded = document.querySelectorAll("details");
  let open = [];
  addEventListener("beforeprint", () => {
    open = [...folded].filter((each) => each.open);
    for (const each of folded) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of folded) each.open = open.includes(each);
  });
})();
