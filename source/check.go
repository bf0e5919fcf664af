package source

import (
	"context"
	"lifeline/source/preflight"
)

func (s *server) Check(ctx context.Context) []preflight.Result { return nil }

func (f *folder) Check(ctx context.Context) []preflight.Result { return nil }
