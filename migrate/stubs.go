package migrate

func fromTinyauth([]Text) (*draft, error)  { return nil, nil }
func fromAuthentik([]Text) (*draft, error) { return nil, nil }
