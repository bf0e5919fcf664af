package change

// Class says how a problem ends the program. The values are the exit codes.
type Class int

// The classes.
const (
	ClassError        Class = 1 // Something failed.
	ClassUsage        Class = 2 // The command line or the project is wrong.
	ClassBlocked      Class = 3 // Stopped by a check, a broken contract of the source, or the books.
	ClassPositionGone Class = 4 // The source's position is gone; a new snapshot is needed.
	ClassHeld         Class = 5 // Another run holds the warehouse.
)

// Problem is an error as a user meets it: what, where, and what to try. It never holds a secret (promise 10).
type Problem struct {
	Err   error
	Where string // "file:line:column", a table and key, or empty.
	Try   string // One thing to do, without the word "Try".
	Class Class
}

func (p *Problem) Error() string { return p.Err.Error() }

// Unwrap returns the error beneath.
func (p *Problem) Unwrap() error { return p.Err }
