// Texts whose colour is too near to the colour behind them, each with its contrast.
(() => {
  const numbers = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const light = (rgb) => rgb.map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(one).backgroundColor);
      if (a > 0.99 && r !== undefined) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = new Map();
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.checkVisibility() || one.disabled || one.closest("noscript, option")) continue;
    const style = getComputedStyle(one), isText = one.namespaceURI.endsWith("svg");
    const front = numbers(isText ? style.fill : style.color).slice(0, 3);
    const [a, b] = [light(front), light(behind(one))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.set(`${one.tagName}.${one.className.baseVal ?? one.className}`, contrast.toFixed(2));
  }
  return [...faint].map((pair) => pair.join(" "));
})()
