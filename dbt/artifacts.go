package dbt

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lifeline/model"
	"lifeline/project"
)

// The files of artifacts, by dbt's names.
const (
	ManifestFile   = "manifest.json"
	RunResultsFile = "run_results.json"
	CatalogFile    = "catalog.json"
)

// likeDbt is the version of dbt whose artifacts these are like.
const likeDbt = "1.11.0"

// entry is an object of an artifact.
type entry = map[string]any

// Artifacts are what dbt's tools read of a project: its manifest, the results of a run, the columns of what it published. They follow
// dbt's public schemas manifest v12, run-results v6 and catalog v1.
type Artifacts struct {
	Project  *project.Project
	Graph    *model.Graph
	Adapter  string    // duckdb or postgres.
	Database string    // As the relations of the published version are found in.
	Command  string    // Such as run, for the results.
	Version  string    // Of Lifeline.
	Started  time.Time // Of the command; zero is now.
	Now      time.Time // Zero is now.

	identity string
	nodes    entry
	names    map[string]string // Unique ids of tests by their names here.
}

func (a *Artifacts) head(schema string) entry {
	now := a.Now
	if now.IsZero() {
		now = time.Now()
	}
	if a.Started.IsZero() {
		a.Started = now
	}
	if a.identity == "" {
		a.identity = identity(a.Project.Dir, a.Started.String(), fmt.Sprint(os.Getpid()))
	}
	return entry{
		"dbt_schema_version":    "https://schemas.getdbt.com/dbt/" + schema + ".json",
		"dbt_version":           likeDbt,
		"generated_at":          now.UTC().Format(instant),
		"invocation_id":         a.identity,
		"invocation_started_at": a.Started.UTC().Format(instant),
		"env":                   entry{"lifeline_version": a.Version},
	}
}

// instant is how artifacts spell times.
const instant = "2006-01-02T15:04:05.000000Z"

// identity is a UUID that is made of texts.
func identity(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// WriteArtifact puts an artifact into a folder, whole or not at all.
func WriteArtifact(dir, name string, artifact map[string]any) error {
	text, err := json.Marshal(artifact)
	if err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", name, err)
	}
	next, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() { _ = os.Remove(next.Name()) }()
	_, err = next.Write(text)
	if e := next.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(next.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(next.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// relationName is a relation as the warehouse's clients write it.
func (a *Artifacts) relationName(schema, name string) string {
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	return quoted(a.Database) + "." + quoted(schema) + "." + quoted(name)
}
