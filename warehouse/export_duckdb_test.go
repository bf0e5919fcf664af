package warehouse

import "os"

// DuckSteps are the moments at which a test can have its own process killed.
var DuckSteps = []string{
	"load written", "position kept", "load committed", "version built", "version sealed", "version named", "version linked", "version shown",
	"version recorded", "books written", "books shown",
}

// KillAtStep makes this process die, as by kill -9, when it comes to that step.
func KillAtStep(step string) {
	duckStep = func(at string) {
		if at != step {
			return
		}
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		panic(err)
	}
}
