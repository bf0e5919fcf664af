package main

import (
	"context"
	"embed"

	"github.com/alecthomas/kong"
	"github.com/posener/complete"
	"github.com/willabides/kongplete"
)

// completions are what a shell runs at start-up. Each asks the program itself at every Tab, by the variable COMP_LINE, so that they never
// know other commands than the program does.
//
//go:embed completions
var completions embed.FS

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (completionCommand) Help() string {
	return `Prints what makes the Tab key complete commands and flags; the Debian package brings it along.

Examples:
  lifeline completion bash > ~/.local/share/bash-completion/completions/lifeline
  lifeline completion zsh > "${fpath[1]}/_lifeline"
  lifeline completion fish > ~/.config/fish/completions/lifeline.fish`
}

func (c *completionCommand) Run(_ context.Context, g *Globals) error {
	script, err := completions.ReadFile("completions/" + c.Shell)
	if err != nil {
		return err
	}
	_, err = g.terminal.out.Write(script)
	return err
}

// answerShell answers a shell that asks how a line goes on, and says whether one asked.
func answerShell(parser *kong.Kong) bool {
	answered := false
	kongplete.Complete(parser, kongplete.WithPredictors(map[string]complete.Predictor{
		"folder": complete.PredictDirs("*"), "file": complete.PredictFiles("*"),
	}), kongplete.WithExitFunc(func(int) { answered = true }))
	return answered
}
