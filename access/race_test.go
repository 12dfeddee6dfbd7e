//go:build race

package access_test

// raceEnabled says that everything takes ten times as long.
const raceEnabled = true
