package main

import "strings"

func splitLines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

func joinLines(lines []string) string { return strings.Join(lines, "\n") }

func changeField(line string, at int, with string) string {
	fields := strings.Split(line, ",")
	fields[at] = with
	return strings.Join(fields, ",")
}

func fieldOf(line string, at int) string { return strings.Split(line, ",")[at] }
