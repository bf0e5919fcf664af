package semantic_test

import (
	"os"
	"testing"

	"lifeline/semantic"
)

func TestMain(m *testing.M) {
	if semantic.IsSandboxProcess(os.Args) {
		os.Exit(semantic.SandboxProcess(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}
