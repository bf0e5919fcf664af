package warehouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lifeline/change"
)

// Backup is one consistent state of a warehouse in a folder: staging, history, ops, quarantine and the kept versions, as they stood
// between two runs. Its manifest is written last, so a folder without one is not a back-up.
type Backup struct {
	Engine    string       `json:"engine"`
	Program   string       `json:"program"` // Version of the program that made it.
	Schema    int          `json:"schema"`  // Of ops; a program that knows fewer refuses it.
	Published int64        `json:"published"`
	TakenAt   time.Time    `json:"taken_at"`
	Files     []BackupFile `json:"files"`
}

// BackupFile is one file of a back-up, by its path in the folder.
type BackupFile struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

const backupManifest = "manifest.json"

// Backup writes a back-up into dir, which must not exist. It holds the warehouse like a run does, so that none changes it meanwhile;
// readers go on.
func (w *duckWarehouse) Backup(ctx context.Context, dir, program string, wait time.Duration) (Backup, error) {
	return writeBackup(dir, Backup{Engine: w.Engine(), Program: program, TakenAt: time.Now().UTC()}, func(b *Backup, into string) error {
		return w.backup(ctx, b, into, wait)
	})
}

// Restore makes the warehouse what the back-up in dir holds. The target must not hold a warehouse yet.
func (w *duckWarehouse) Restore(ctx context.Context, dir string) (Backup, error) {
	b, err := readBackup(dir, w.Engine())
	if err != nil {
		return b, err
	}
	return b, w.restoreFrom(ctx, dir, b)
}

// Backup is duckWarehouse.Backup for PostgreSQL, by pg_dump.
func (w *postgres) Backup(ctx context.Context, dir, program string, wait time.Duration) (Backup, error) {
	return writeBackup(dir, Backup{Engine: w.Engine(), Program: program, TakenAt: time.Now().UTC()}, func(b *Backup, into string) error {
		return w.backup(ctx, b, into, wait)
	})
}

// Restore is duckWarehouse.Restore for PostgreSQL, by pg_restore.
func (w *postgres) Restore(ctx context.Context, dir string) (Backup, error) {
	b, err := readBackup(dir, w.Engine())
	if err != nil {
		return b, err
	}
	return b, w.restoreFrom(ctx, dir, b)
}

// writeBackup fills a folder beside dir, and gives it the name when it is whole.
func writeBackup(dir string, b Backup, fill func(b *Backup, into string) error) (Backup, error) {
	if _, err := os.Lstat(dir); err == nil {
		return b, usage(fmt.Sprintf("%s is there already", dir), "another folder: a back-up is never written over")
	}
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return b, fmt.Errorf("clear an unfinished back-up: %w", err)
	}
	if err := os.MkdirAll(part, 0o700); err != nil {
		return b, fmt.Errorf("make the folder of the back-up: %w", err)
	}
	err := fill(&b, part)
	if err == nil {
		var text []byte
		if text, err = json.MarshalIndent(b, "", "  "); err == nil {
			err = os.WriteFile(filepath.Join(part, backupManifest), append(text, '\n'), privateMode)
		}
	}
	if err == nil {
		err = syncFolder(part)
	}
	if err == nil {
		err = move(part, dir)
	}
	if err != nil {
		return b, errors.Join(err, os.RemoveAll(part))
	}
	return b, nil
}

// readBackup reads the manifest and proves every file by its checksum, before anything is written.
func readBackup(dir, engine string) (b Backup, err error) {
	text, err := os.ReadFile(filepath.Join(dir, backupManifest))
	if errors.Is(err, os.ErrNotExist) {
		return b, usage(fmt.Sprintf("%s holds no back-up: it has no %s", dir, backupManifest), "the folder that lifeline backup wrote")
	}
	if err != nil {
		return b, fmt.Errorf("read the back-up: %w", err)
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return b, damaged(filepath.Join(dir, backupManifest), err)
	}
	if b.Engine != engine {
		return b, usage(fmt.Sprintf("the back-up is of a %s warehouse, and this one is %s", b.Engine, engine),
			"--warehouse with an address of "+b.Engine)
	}
	known, err := schemaFiles(engine)
	if err != nil {
		return b, err
	}
	if b.Schema > known {
		return b, usage(fmt.Sprintf("the back-up was made by a newer lifeline, %s (schema %d, this program knows %d)", b.Program, b.Schema,
			known),
			"the newer program")
	}
	for _, f := range b.Files {
		if !filepath.IsLocal(f.Path) {
			return b, damaged(f.Path, errors.New("a path that leads out of the folder"))
		}
		got, err := describeFile(dir, f.Path)
		if err != nil {
			return b, damaged(f.Path, err)
		}
		if got != f {
			return b, damaged(f.Path, errors.New("its checksum is not that of the manifest"))
		}
	}
	return b, nil
}

func damaged(path string, err error) error {
	return &change.Problem{Err: fmt.Errorf("the back-up is damaged: %w", err), Where: path, Class: change.ClassError, Try: "another back-up"}
}

// describeFile reads a file of a back-up for its size and checksum.
func describeFile(dir, path string) (BackupFile, error) {
	f, err := os.Open(filepath.Join(dir, path))
	if err != nil {
		return BackupFile{}, err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return BackupFile{Path: path, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// schemaFiles is how many schema files of ops this program has for an engine.
func schemaFiles(engine string) (int, error) {
	names, err := fs.Glob(map[string]fs.FS{"duckdb": duckSchema, "postgres": postgresSchema}[engine], "schema_*/*.sql")
	return len(names), err
}
