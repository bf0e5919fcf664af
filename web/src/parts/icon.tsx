// Icons as paths on a 16 x 16 grid, drawn in the colour of their text.

const paths: Record<string, string> = {
  gauge: "M2.5 2.5h4.5v6H2.5zM9 2.5h4.5v3.5H9zM9 8h4.5v5.5H9zM2.5 10.5H7v3H2.5z",
  file: "M4 1.8h5l3 3v9.4H4zM9 1.8v3h3M6 8h4M6 10.7h4",
  building: "M2.5 14V6.5L8 2.5l5.5 4V14M1.5 14h13M6.5 14v-3.5h3V14M8 5.800v2.600M6.7 7.100h2.6",
  box: "M8 1.800l5.5 3v6.400L8 14.200l-5.5-3V4.800zM2.5 4.800L8 7.800l5.5-3M8 7.800v6.4",
  swap: "M3 5.200h9.500M10 2.700l2.5 2.500L10 7.700M13 10.800H3.5M6 8.300l-2.5 2.500L6 13.3",
  play: "M4.5 2.800l8 5.2-8 5.200z",
  shield: "M8 1.700l5 2v4c0 3.2-2.1 5.4-5 6.6-2.9-1.2-5-3.4-5-6.600v-4zM5.7 7.900l1.7 1.7 3-3.2",
  alert: "M8 2.200l6 11H2zM8 6.300v3.200M8 11.200v.4",
  table: "M2 3h12v10H2zM2 6.300h12M2 9.700h12M6 6.300V13",
  tree: "M6 2h4v3.300H6zM2 10.700h4V14H2zM10 10.700h4V14h-4zM8 5.300V8M4 10.700V8h8v2.7",
  code: "M3 4.500L6.5 8 3 11.5M8 12h5",
  search: "M7 2.500a4.5 4.5 0 110 9 4.5 4.5 0 010-9zM10.3 10.300l3.5 3.5",
  link: "M6.8 9.200l2.4-2.400M7.5 4.800l1.3-1.300a2.6 2.6 0 013.7 3.700l-1.3 1.300M8.5 11.200l-1.3 1.300a2.6 2.6 0 01-3.7-3.700l1.3-1.3",
  down: "M8 2.500v7.500M5 7.200l3 3 3-3M2.8 13.200h10.4",
  print: "M4.5 6V2.200h7V6M4.5 11.5h-2V6h11v5.5h-2M4.5 9.500h7v4.300h-7z",
  moon: "M13 9.600A5.6 5.6 0 016.4 3 5.6 5.6 0 1013 9.600z",
  sun: "M8 5.200a2.8 2.8 0 110 5.6 2.8 2.8 0 010-5.600zM8 1.5v1.300M8 13.200v1.300M1.5 8h1.300M13.2 8h1.300" +
    "M3.4 3.400l.9.9M11.7 11.700l.9.9M12.6 3.400l-.9.9M4.3 11.700l-.9.9",
  calendar: "M2.5 3.5h11v10h-11zM2.5 6.500h11M5.5 2v2.500M10.5 2v2.5",
  chevron: "M4.5 6.300L8 9.700l3.5-3.4",
  left: "M9.7 4.500L6.3 8l3.4 3.5",
  right: "M6.3 4.500L9.7 8l-3.4 3.5",
  arrow: "M3 8h9.500M9 4.500L12.5 8 9 11.5",
  dots: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  info: "M8 2a6 6 0 110 12A6 6 0 018 2zM8 7.300v3.5M8 5.100v.3",
  check: "M3 8.500l3.2 3.200L13 4.8",
  cross: "M4 4l8 8M12 4l-8 8",
  clock: "M8 2a6 6 0 110 12A6 6 0 018 2zM8 4.700V8l2.3 1.5",
  dash: "M4 8h8",
  lock: "M4 7.300h8v6H4zM5.7 7.300V5a2.3 2.3 0 014.6 0v2.3",
  menu: "M2.5 4.500h11M2.5 8h11M2.5 11.5h11",
  chart: "M2.5 13.5h11M4.5 11V7M8 11V3.5M11.5 11V8.5",
  filter: "M2 3.5h12L9.5 8.800V13l-3-1.5V8.800z",
  columns: "M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10",
  tag: "M2.5 2.500h5.300l5.7 5.7-5.3 5.3-5.7-5.700zM5.3 5.300h.01",
};

export function Icon({ name }: { name: string }) {
  return (
    <svg class={"icon" + (name === "dots" ? " icon-dots" : "")} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name] ?? paths.file} />
    </svg>
  );
}
export const known = (name: string | undefined): boolean => !!name && name in paths;
