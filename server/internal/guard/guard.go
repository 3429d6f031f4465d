// Package guard keeps a mistake of ours in the treatment of one query from ending
// the program: a panic becomes the error of that query. It is for where octets from
// the network are worked on.
package guard

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic as an error.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // where, for the program's log
}

// Error says what was given to panic, without the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("panic: %v", e.Value)
}

// Catch makes a panic the error that err points to, a [*PanicError]; without one it
// leaves err alone. It is to be deferred itself, not called by what is.
func Catch(err *error) {
	if p := recover(); p != nil {
		*err = &PanicError{Value: p, Stack: debug.Stack()}
	}
}
