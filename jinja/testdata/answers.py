"""Prints the answers of jinja2 for the templates on stdin, one JSON object a line: {"template", "text"}, or {"template", "error"}."""
import json
import sys

import jinja2

env = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
for line in sys.stdin:
    template = json.loads(line)["template"]
    answer = {"template": template}
    try:
        answer["text"] = env.from_string(template).render()
    except Exception as e:
        answer["error"] = type(e).__name__
    if " at 0x" not in answer.get("text", ""):
        print(json.dumps(answer, ensure_ascii=False))
