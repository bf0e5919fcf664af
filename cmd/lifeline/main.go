// Command lifeline turns an operational MySQL database into a checked, published warehouse.
//
// This package reads the command line, wires the parts and shows results, mostly one file a command. Only main exits.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"lifeline/change"
	"lifeline/semantic"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

// commands is the whole command line.
type commands struct {
	Globals

	Demo       demoCommand       `cmd:"" help:"Try it: sample data, one run, the dashboard."`
	Init       initCommand       `cmd:"" help:"Write a project for a database that has none."`
	Doctor     doctorCommand     `cmd:"" help:"Run all preflight checks of source, project and warehouse, each with what to do."`
	Run        runCommand        `cmd:"" help:"The main job: land, build, check, publish."`
	Follow     followCommand     `cmd:"" help:"Stay on the binary log: land, check and publish what changes, as it changes."`
	Build      buildCommand      `cmd:"" help:"Build, check and publish from what has landed, without reading the source."`
	Check      checkCommand      `cmd:"" help:"Build what has landed and check it, without publishing."`
	Test       testCommand       `cmd:"" help:"Run the unit tests of models on given rows."`
	Verify     verifyCommand     `cmd:"" help:"Prove that staging holds what the source holds now, and repair what differs."`
	Query      queryCommand      `cmd:"" help:"Read the published version with SQL."`
	Serve      serveCommand      `cmd:"" help:"Serve the dashboard and its API over the published version."`
	Export     exportCommand     `cmd:"" help:"Write all rows of a table that match filters to a file, or the project as plain dbt."`
	Runs       runsCommand       `cmd:"" help:"List the newest runs, or show one of them."`
	Quarantine quarantineCommand `cmd:"" help:"Rows in quarantine: list them, look at one, evaluate them anew."`
	Trace      traceCommand      `cmd:"" help:"Trace a published row or number back to its source rows."`
	Rollback   rollbackCommand   `cmd:"" help:"Publish the version before."`
	Backup     backupCommand     `cmd:"" help:"Write one consistent state of the warehouse into a folder."`
	Restore    restoreCommand    `cmd:"" help:"Make a warehouse from a back-up."`
	Compile    compileCommand    `cmd:"" help:"Show the SQL of models as it would run."`
	Ls         lsCommand         `cmd:"" help:"List the project's models, seeds, sources and tests."`
	Docs       docsCommand       `cmd:"" help:"Describe every table: grain, columns, lineage, checks and SQL, as pages or Markdown."`
	Sample     sampleCommand     `cmd:"" help:"Make deterministic sample data in the shape and dirt of the source."`
	Completion completionCommand `cmd:"" help:"Print the script with which a shell completes commands and flags."`
	Man        manualCommand     `cmd:"" help:"Print the manual page."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

func main() {
	if semantic.IsSandboxProcess(os.Args) {
		os.Exit(semantic.SandboxProcess(os.Stdin, os.Stdout))
	}
	// A reader that closes the pipe must not end the program at once: a throw-away server would be left running.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(execute(os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// helpWords are what flags and their help are filled in with.
var helpWords = kong.Vars{"version": version, "quarantine_states": "open,held,quarantined,superseded,released,fixed_at_source,expired,all"}

// execute runs one command line and returns its exit code, one of exitCodes.
func execute(args []string, t terminal) int {
	// Before anything else, so that a signal never ends the program with the code for usage. A terminal that goes away is one, too.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	var cli commands
	exit := -1
	parser, err := kong.New(&cli,
		kong.Name("lifeline"),
		kong.Description("Turns an operational MySQL database into a single source of truth: cleaned, checked, published all at once."),
		kong.UsageOnError(),
		kong.Writers(t.out, t.err),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		helpWords,
	)
	if err != nil {
		return show(t, &cli.Globals, err)
	}
	if answerShell(parser) {
		return 0
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		return show(t, &cli.Globals, &change.Problem{Err: err, Try: "lifeline --help", Class: change.ClassUsage})
	}
	cli.terminal = t
	command.BindTo(ctx, (*context.Context)(nil))
	return show(t, &cli.Globals, command.Run(&cli.Globals, parser))
}

// show prints an error, what to do about it, and returns the exit code.
func show(t terminal, g *Globals, err error) int {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return 0 // Whoever read the output has seen enough.
	}
	failure := describe(err)
	var told *toldError
	if errors.As(err, &told) {
		return failure.ExitCode
	}
	if g.JSON {
		_ = writeJSON(t.out, map[string]any{"error": failure})
	}
	if g.LogFormat == logJSON {
		g.terminal = t
		g.loggerAt(slog.LevelError).Error(failure.Message, "where", failure.Where, "try", failure.Try, "exit_code", failure.ExitCode)
		return failure.ExitCode
	}
	printFailure(t.err, t, failure)
	return failure.ExitCode
}

// failure is an error as people and machines read it.
type failure struct {
	Message  string `json:"message"`
	Where    string `json:"where,omitempty"`
	Try      string `json:"try,omitempty"`
	ExitCode int    `json:"exit_code"`
}

// toldError wraps an error that its command has already printed, as part of its result.
type toldError struct{ error }

func (e *toldError) Unwrap() error { return e.error }

func describe(err error) failure {
	f := failure{Message: err.Error(), ExitCode: 1}
	var p *change.Problem
	if errors.As(err, &p) {
		f.Where, f.Try, f.ExitCode = p.Where, p.Try, int(p.Class)
	}
	if errors.Is(err, context.Canceled) {
		f.Message, f.Try = "interrupted; nothing was published", "run the same command again"
	}
	return f
}

func printFailure(w io.Writer, t terminal, f failure) {
	fmt.Fprintf(w, "%s %s\n", t.red("Error:"), f.Message)
	if f.Where != "" {
		fmt.Fprintf(w, "   at %s\n", f.Where)
	}
	if f.Try != "" {
		fmt.Fprintf(w, "  Try: %s\n", f.Try)
	}
}
