// A card as a picture: its charts under their question, answer, filters and version. The browser draws it by itself, so that
// no number leaves it; computed styles are copied, because a picture has no style sheet.

const copied = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
];
const pad = 24;
const space = "http://www.w3.org/2000/svg";

function element(name: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const e = document.createElementNS(space, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, String(v));
  e.textContent = text;
  return e;
}

/** Breaks a text into lines no wider than the room. */
function wrap(text: string, font: string, room: number): string[] {
  const pen = document.createElement("canvas").getContext("2d")!;
  pen.font = font;
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const longer = lines.length ? lines[lines.length - 1] + " " + word : word;
    if (lines.length && pen.measureText(longer).width <= room) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function still(chart: SVGSVGElement): SVGSVGElement {
  const copy = chart.cloneNode(true) as SVGSVGElement;
  const from = chart.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((e, i) => {
    const style = getComputedStyle(from[i]!);
    for (const name of copied) e.setAttribute(name, style.getPropertyValue(name));
    if (e.classList.contains("faint")) e.setAttribute("opacity", "1"); // What the pointer is on is not part of the picture.
    e.removeAttribute("class");
    e.removeAttribute("href");
  });
  chart
    .querySelectorAll(".hit, .cursor")
    .forEach((e) => copy.querySelectorAll("*")[[...from].indexOf(e)]?.setAttribute("visibility", "hidden"));
  return copy;
}

/** The whole card as one drawing. */
function compose(card: HTMLElement, question: string, answer: string, foot: string): SVGElement {
  const body = card.querySelector<HTMLElement>(".body")!;
  const frame = body.getBoundingClientRect();
  const inner = getComputedStyle(body);
  const box = new DOMRect(
    frame.left + parseFloat(inner.paddingLeft),
    frame.top,
    frame.width - parseFloat(inner.paddingLeft) - parseFloat(inner.paddingRight),
    frame.height,
  );
  const width = Math.ceil(box.width) + 2 * pad;
  const style = getComputedStyle(card);
  const [ink, quiet] = [style.color, getComputedStyle(card.querySelector(".answer")!).color];
  const parts: SVGElement[] = [];
  let y = pad;
  const write = (text: string, size: number, weight: number, fill: string): void => {
    for (const line of wrap(text, `${weight} ${size}px ${style.fontFamily}`, width - 2 * pad)) {
      y += size * 1.4;
      parts.push(
        element(
          "text",
          { x: pad, y: y - size * 0.4, fill, "font-size": size, "font-weight": weight, "font-family": style.fontFamily },
          line,
        ),
      );
    }
  };
  write(question, 17, 650, ink);
  write(answer, 14, 400, quiet);
  const top = y + 12;
  const at = (e: Element): DOMRect => {
    const r = e.getBoundingClientRect();
    return new DOMRect(r.left - box.left + pad, r.top - box.top + top, r.width, r.height);
  };
  for (const e of body.querySelectorAll<HTMLElement>("h3, .legend span")) {
    const r = at(e);
    const dot = e.querySelector(".dot");
    if (dot) {
      const d = at(dot);
      parts.push(element("rect", { x: d.x, y: d.y, width: d.width, height: d.height, rx: 3, fill: getComputedStyle(dot).backgroundColor }));
    }
    const words = getComputedStyle(e);
    parts.push(
      element(
        "text",
        {
          x: dot ? at(dot).right + 7 : r.x,
          y: r.bottom - r.height * 0.28,
          fill: words.color,
          "font-size": words.fontSize,
          "font-weight": words.fontWeight,
          "font-family": words.fontFamily,
        },
        e.textContent ?? "",
      ),
    );
  }
  for (const chart of body.querySelectorAll<SVGSVGElement>(".chart > svg")) {
    const r = at(chart);
    const copy = still(chart);
    for (const [k, v] of Object.entries({ x: r.x, y: r.y, width: r.width, height: r.height, overflow: "visible" }))
      copy.setAttribute(k, String(v));
    parts.push(copy);
  }
  y = top + box.height + 4;
  write(foot, 11.5, 400, quiet);
  const height = Math.ceil(y + pad * 0.6);
  const all = element("svg", { xmlns: space, width, height, viewBox: `0 0 ${width} ${height}` });
  all.append(element("rect", { width, height, fill: style.backgroundColor }), ...parts);
  return all;
}

/** The card as a PNG of twice the size that it has on the screen. */
export async function picture(card: HTMLElement, question: string, answer: string, foot: string): Promise<Blob> {
  const drawing = compose(card, question, answer, foot);
  const source = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(drawing)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 2 * image.width;
    canvas.height = 2 * image.height;
    const pen = canvas.getContext("2d")!;
    pen.scale(2, 2);
    pen.drawImage(image, 0, 0);
    return await new Promise((done, failed) =>
      canvas.toBlob((b) => (b ? done(b) : failed(new Error("the picture cannot be made"))), "image/png"),
    );
  } finally {
    URL.revokeObjectURL(source);
  }
}

/** Hands a file to the reader. */
export function save(blob: Blob, name: string): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}
