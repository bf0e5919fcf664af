package discover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Connect opens a MySQL or MariaDB database, or a folder of CSV files. No statement runs longer than limit.
func Connect(ctx context.Context, dsn string, limit time.Duration) (Reader, error) {
	if dir, ok := strings.CutPrefix(dsn, "csv:"); ok {
		return openFolder(dir)
	}
	return OpenServer(ctx, dsn, limit)
}

// Question is put to a person, with what is known and a default.
type Question struct {
	Text, Evidence, Default string
	Take                    func(answer string) error
}

// Ask makes the questions that matter most, the ones first whose answer changes most.
func (p *Proposal) Ask(o *Project) []Question {
	var out []Question
	if len(p.Records) > 0 {
		out = append(out, p.askRecords())
	}
	for i := range p.Records {
		if q, ok := p.askMeaning(&p.Records[i]); ok && len(out) < 5 {
			out = append(out, q)
		}
	}
	if p.TimeZone == "" {
		out = append(out, Question{
			Text: "Which zone are the source's DATETIME values in?", Evidence: "Nothing in a database says so.", Default: "UTC",
			Take: func(a string) error {
				if _, err := time.LoadLocation(a); err != nil {
					return fmt.Errorf("unknown time zone %q", a)
				}
				p.TimeZone = a
				return nil
			},
		})
	}
	without := 0
	for _, m := range p.Money {
		if m.Currency == "" && m.Confidence != Low {
			without++
		}
	}
	if without > 0 && p.Currency == "" {
		out = append(out, Question{
			Text:     "Which currency are the amounts in that have none beside them?",
			Evidence: fmt.Sprintf("%d columns look like money and have no column with a currency.", without), Default: "unknown",
			Take: func(a string) error {
				if a == "unknown" {
					return nil
				}
				if len(a) != 3 {
					return fmt.Errorf("%q is not the code of a currency, such as KES", a)
				}
				p.Currency = strings.ToUpper(a)
				return nil
			},
		})
	}
	if len(p.Personal) > 0 && !o.Mask {
		out = append(out, Question{
			Text: "Mask what seems to tell of people, before it lands?", Evidence: fmt.Sprintf("%d columns by their names, such as %s.%s.",
				len(p.sensitive()), p.Personal[0].Table, p.Personal[0].Column), Default: "no",
			Take: func(a string) error {
				switch strings.ToLower(a) {
				case "y", "yes":
					o.Mask = true
				case "n", "no":
					o.Mask = false
				default:
					return fmt.Errorf("%q is neither yes nor no", a)
				}
				return nil
			},
		})
	}
	return out
}

// askRecords lets a person drop what has no life.
func (p *Proposal) askRecords() Question {
	var names, evidence []string
	for _, r := range p.Records {
		names = append(names, r.Name)
		evidence = append(evidence, fmt.Sprintf("%s (%s: %s)", r.Name, r.Table, r.Evidence))
	}
	return Question{
		Text: "Which of these are records with a life? Their names by comma, or none.", Evidence: strings.Join(evidence, "\n  "),
		Default: strings.Join(names, ", "),
		Take: func(a string) error {
			wanted := map[string]bool{}
			for _, n := range strings.Split(a, ",") {
				if n = strings.TrimSpace(n); n != "" && n != "none" {
					wanted[n] = true
				}
			}
			var kept []Record
			for _, r := range p.Records {
				if wanted[r.Name] {
					kept = append(kept, r)
					delete(wanted, r.Name)
				}
			}
			for n := range wanted {
				return fmt.Errorf("%q is not one of %s", n, strings.Join(names, ", "))
			}
			p.Records = kept
			return nil
		},
	}
}

// askMeaning asks for the states that only the application knows.
func (p *Proposal) askMeaning(r *Record) (Question, bool) {
	var unknown []string
	for _, s := range r.States {
		if s.Meaning == Unknown {
			unknown = append(unknown, fmt.Sprintf("%s (%d rows)", s.Raw, s.Rows))
		}
	}
	if len(unknown) == 0 {
		return Question{}, false
	}
	name := r.Name
	example := r.States[slices.IndexFunc(r.States, func(s State) bool { return s.Meaning == Unknown })].Raw
	return Question{
		Text: fmt.Sprintf("What do these states of %s mean? Each as VALUE=NAME:MEANING, by comma, such as %s=in_work:open; a meaning is open, "+
			"decided or void.", name, example),
		Evidence: fmt.Sprintf("%s.%s holds %s; nothing says more.", r.Table, r.State, strings.Join(unknown, ", ")), Default: "unknown",
		Take: func(a string) error {
			if a == "unknown" {
				return nil
			}
			for i := range p.Records {
				if p.Records[i].Name == name {
					return p.Records[i].say(a)
				}
			}
			return nil
		},
	}, true
}

// say takes an answer such as "1=new:open, 5=solved:decided".
func (r *Record) say(answer string) error {
	before := slices.Clone(r.States)
	for _, part := range strings.Split(answer, ",") {
		raw, rest, ok := strings.Cut(strings.TrimSpace(part), "=")
		label, meaning, hasMeaning := strings.Cut(rest, ":")
		if !ok || label == "" {
			return fmt.Errorf("%q is not VALUE=NAME:MEANING", part)
		}
		found := false
		for i := range r.States {
			s := &r.States[i]
			if s.Raw != strings.TrimSpace(raw) {
				continue
			}
			found = true
			s.Label, s.Meaning = strings.TrimSpace(label), meansBy(label)
			if hasMeaning {
				s.Meaning = Meaning(strings.TrimSpace(meaning))
			}
			if s.Meaning != Open && s.Meaning != Decided && s.Meaning != Void && s.Meaning != Unknown {
				return fmt.Errorf("%q must be one of open, decided, void", meaning)
			}
			s.Guess = Guess{s.Label + " is " + string(s.Meaning), High, "you said so"}
		}
		if !found {
			return fmt.Errorf("there is no value %q", raw)
		}
	}
	nameStates(r.States)
	names := map[string]string{}
	for i := range before {
		names[before[i].Name] = r.States[i].Name
	}
	r.Steps.rename(names)
	return nil
}

// Guesses are all guesses by kind, for programs.
func (p *Proposal) Guesses() map[string][]Guess {
	out := map[string][]Guess{}
	for _, k := range p.Keys {
		out["keys"] = append(out["keys"], k.Guess)
	}
	for _, r := range p.Records {
		out["records"] = append(out["records"], r.Guess)
		if r.Steps != nil {
			out["steps"] = append(out["steps"], r.Steps.Guess)
		}
	}
	for _, d := range p.Dates {
		out["dates"] = append(out["dates"], d.Guess)
	}
	for _, m := range p.Money {
		out["money"] = append(out["money"], m.Guess)
	}
	for _, s := range p.Personal {
		out["personal"] = append(out["personal"], s.Guess)
	}
	for _, s := range p.Secrets {
		out["secrets"] = append(out["secrets"], s.Guess)
	}
	for _, s := range p.Further {
		out["further_personal"] = append(out["further_personal"], s.Guess)
	}
	for _, d := range p.Deletes {
		out["soft_deletes"] = append(out["soft_deletes"], d.Guess)
	}
	for _, l := range p.Logs {
		out["logs"] = append(out["logs"], l.Guess)
	}
	for _, x := range p.Polymorphic {
		out["polymorphic"] = append(out["polymorphic"], x.Guess)
	}
	for _, x := range p.LeftOut {
		out["left_out"] = append(out["left_out"], x.Guess)
	}
	return out
}
