package config

import _ "embed" // the schema

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of the file (draft 2020-12), for editors. It knows
// every key, what kind of value each takes and the words that some are chosen from;
// rules beyond that Load alone knows. A value with a ${…} in it is taken for any.
func Schema() []byte { return schema }
