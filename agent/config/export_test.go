package config

// NotWritten is for the test of its words.
var NotWritten = notWritten
