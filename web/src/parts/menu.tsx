// A button with a panel under it: Escape and a click elsewhere close it, focus goes back to the button.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export function Popover({
  label,
  button,
  kind = "chip",
  children,
  end,
}: {
  label: string;
  button: ComponentChildren;
  kind?: string;
  children: (close: () => void) => ComponentChildren;
  end?: boolean;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement | null>(null);
  const opener = useRef<HTMLButtonElement | null>(null);
  const panel = useRef<HTMLDivElement | null>(null);
  const close = (): void => {
    setOpen(false);
    opener.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    const away = (e: Event): void => {
      if (!root.current?.contains(e.target as Node)) setOpen(false);
    };
    const key = (e: KeyboardEvent): void => {
      if (e.key === "Escape") {
        e.stopPropagation();
        close();
      }
    };
    document.addEventListener("pointerdown", away);
    root.current?.addEventListener("keydown", key);
    // On a narrow screen the panel is moved back into view; near the bottom it opens upwards.
    const p = panel.current;
    if (p && opener.current) {
      const at = opener.current.getBoundingClientRect();
      const left = Math.max(8, Math.min(end ? at.right - p.offsetWidth : at.left, innerWidth - p.offsetWidth - 8));
      p.style.left = left + "px";
      if (innerHeight - at.bottom < 280 && at.top > innerHeight / 2) {
        p.style.bottom = innerHeight - at.top + 6 + "px";
        p.style.maxHeight = at.top - 20 + "px";
      } else {
        p.style.top = at.bottom + 6 + "px";
        p.style.maxHeight = Math.max(160, innerHeight - at.bottom - 20) + "px";
      }
      p.querySelector<HTMLElement>("input,button,a")?.focus();
    }
    const scroll = (e: Event): void => {
      if (!p?.contains(e.target as Node)) setOpen(false);
    };
    addEventListener("scroll", scroll, true);
    const el = root.current;
    return () => {
      document.removeEventListener("pointerdown", away);
      el?.removeEventListener("keydown", key);
      removeEventListener("scroll", scroll, true);
    };
  }, [open]);
  return (
    <div class="popover" ref={root}>
      <button
        type="button"
        ref={opener}
        class={kind}
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={kind === "ghost" || kind === "button" ? label : undefined}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      {open && (
        <div class="panel" ref={panel} role="dialog" aria-label={label}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
