package config

// NotWritten is for the test of its words.
var NotWritten = notWritten

// After has a test told of each step of a try.
func After(e *Editor, do func(step string)) { e.after = do }
