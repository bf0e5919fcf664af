package discover

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// truth is what a person who knows the application says of it.
type truth struct {
	Schema  string
	Records []struct {
		Name, Table string
		Key         []string
		State       map[string]any
		Dates       map[string]string
		History     map[string]any
		SoftDelete  string `yaml:"soft_delete"`
	}
	Money       map[string]any
	SoftDelete  []string `yaml:"soft_delete"`
	PII         []string
	Lookups     []string
	NoStatus    []string          `yaml:"no_status"`
	FKExtra     map[string]string `yaml:"fk_extra"`
	FKNot       any               `yaml:"fk_not"`
	EAV         []string
	Copies      []string
	Polymorphic []map[string]string
	Secondary   []map[string]any
	Events      []map[string]any
}

func TestScores(t *testing.T) {
	dsn := os.Getenv("LIFELINE_TEST_MYSQL")
	dir := filepath.Join("..", "..", "shared", "schemas", "truth")
	files, _ := filepath.Glob(filepath.Join(dir, "*.yml"))
	if len(files) == 0 || dsn == "" {
		t.Skip("the schemas, or a server, are not here")
	}
	sort.Strings(files)
	ctx := context.Background()
	total := &score{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yml")
		if only := os.Getenv("SCHEMA"); only != "" && only != name {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var want truth
		require.NoError(t, yaml.Unmarshal(text, &want))
		r, err := OpenServer(ctx, strings.TrimSuffix(dsn, "/")+"/"+name, 2*time.Second)
		require.NoError(t, err)
		began := time.Now()
		p, err := Look(ctx, r, Options{hideForeign: true})
		require.NoError(t, err)
		took := time.Since(began)
		require.NoError(t, r.Close())
		s := &score{}
		s.keys(t, p, &want)
		fmt.Printf("%-12s %5.1fs  %s\n", name, took.Seconds(), s)
		total.add(s)
	}
	fmt.Printf("%-12s         %s\n", "all", total)
}

// score counts what was right, wrong and missed.
type score struct{ fkRight, fkOther, fkMissed, fkExtra int }

func (s *score) add(o *score) {
	s.fkRight += o.fkRight
	s.fkOther += o.fkOther
	s.fkMissed += o.fkMissed
	s.fkExtra += o.fkExtra
}

func (s *score) String() string {
	f1 := func(right, wrong, missed int) float64 {
		if right == 0 {
			return 0
		}
		return 2 * float64(right) / float64(2*right+wrong+missed)
	}
	return fmt.Sprintf("fk right %4d wrong parent %3d missed %3d beyond %4d  F1 %.3f strict %.3f", s.fkRight, s.fkOther, s.fkMissed, s.fkExtra,
		f1(s.fkRight, s.fkOther, s.fkMissed+s.fkOther), f1(s.fkRight, s.fkOther+s.fkExtra, s.fkMissed+s.fkOther))
}

func (s *score) keys(t *testing.T, p *Proposal, want *truth) {
	verbose := os.Getenv("SHOW")
	truths := map[string]map[string]bool{}
	add := func(child, parent string) {
		if truths[child] == nil {
			truths[child] = map[string]bool{}
		}
		truths[child][parent] = true
	}
	declared := false
	for _, tab := range p.Catalog.Tables {
		for _, d := range tab.Foreign {
			declared = true
			add(tab.Name+"."+d.Column, d.Parent+"."+d.Key)
		}
	}
	for c, parent := range want.FKExtra {
		add(c, parent)
	}
	got := map[string]*Key{}
	for i := range p.Keys {
		k := &p.Keys[i]
		if k.Confidence != Low {
			got[k.Table+"."+k.Column] = k
		}
	}
	for child, parents := range truths {
		k := got[child]
		switch {
		case k == nil:
			s.fkMissed++
			if strings.Contains(verbose, "fk") {
				fmt.Println("   missed", child, "->", parents)
			}
		case parents[k.Parent+"."+k.Key]:
			s.fkRight++
		default:
			s.fkOther++
			if strings.Contains(verbose, "fk") {
				fmt.Println("   wrong ", child, "->", k.Parent+"."+k.Key, "not", parents, k.Evidence)
			}
		}
	}
	for child, k := range got {
		if truths[child] == nil && declared {
			s.fkExtra++
			if strings.Contains(verbose, "beyond") {
				fmt.Println("   beyond", child, "->", k.Parent+"."+k.Key, k.Confidence, k.Evidence)
			}
		}
	}
}
