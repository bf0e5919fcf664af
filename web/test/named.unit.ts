import { expect, test } from "vitest";
import { namesIn } from "../src/lib/named";

test("names of a statement are found where they are names", () => {
  expect(namesIn("select :a, :b from t where x = :a")).toEqual(["a", "b"]);
  expect(namesIn("select ':no', \":no\", x::text -- :no\n, /* :no */ :yes")).toEqual(["yes"]);
  expect(namesIn("select 'open :no")).toEqual([]);
  expect(namesIn("select '12:30' as t, :9, ':a''b :no', :z_1")).toEqual(["z_1"]);
});
