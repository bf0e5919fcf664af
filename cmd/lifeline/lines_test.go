package main

import "strings"

// The claims file is ID,STATUS,TYPE,DATE_CREATED,DATE_MODIFIED,TREATMENT_ID,PROGRAM_ID,AMOUNT,CURRENCY, unquoted.
const (
	claimID     = 0
	claimAmount = 7
)

func splitLines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

func joinLines(lines []string) string { return strings.Join(lines, "\n") }

func changeAmount(line, amount string) string { return changeField(line, claimAmount, amount) }

func changeField(line string, at int, with string) string {
	fields := strings.Split(line, ",")
	fields[at] = with
	return strings.Join(fields, ",")
}

func fieldOf(line string, at int) string { return strings.Split(line, ",")[at] }
