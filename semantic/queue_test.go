package semantic_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/semantic"
)

func TestAQueueTakesUsersInTurn(t *testing.T) {
	t.Parallel()
	q := semantic.NewQueue(semantic.QueueOptions{AtOnce: 1, EachAtOnce: 1, EachWaiting: 3, Waiting: 4, Patience: time.Minute})
	leave, err := q.Enter(t.Context(), "mallory")
	require.NoError(t, err)
	order := make(chan string)
	enter := func(ctx context.Context, user string) {
		leave, err := q.Enter(ctx, user)
		if err != nil {
			order <- err.Error()
			return
		}
		order <- user
		leave()
	}
	waits := func(n int) {
		require.Eventually(t, func() bool { _, waiting := q.Load(); return waiting == n }, time.Minute, time.Millisecond)
	}
	gone, goAway := context.WithCancel(t.Context())
	go enter(t.Context(), "mallory")
	waits(1)
	go enter(gone, "mallory")
	waits(2)
	go enter(t.Context(), "mallory")
	waits(3)
	_, err = q.Enter(t.Context(), "mallory")
	require.ErrorIs(t, err, semantic.ErrOwnShare)
	go enter(t.Context(), "ada")
	waits(4)
	_, err = q.Enter(t.Context(), "ben")
	require.ErrorIs(t, err, semantic.ErrQueueFull)
	// Who goes away leaves the queue at once.
	goAway()
	require.Equal(t, context.Canceled.Error(), <-order)
	waits(3)
	leave()
	require.Equal(t, "mallory", <-order)
	require.Equal(t, "ada", <-order, "who asks for one thing does not wait for all of another's")
	require.Equal(t, "mallory", <-order)
	require.Eventually(t, func() bool { running, waiting := q.Load(); return running == 0 && waiting == 0 }, time.Minute, time.Millisecond)
}

func TestAQueueKeepsAPlaceForOthersAndSaysWhenItIsTooLate(t *testing.T) {
	t.Parallel()
	q := semantic.NewQueue(semantic.QueueOptions{AtOnce: 2, EachAtOnce: 1, EachWaiting: 1, Waiting: 10, Patience: 20 * time.Millisecond})
	leave, err := q.Enter(t.Context(), "mallory")
	require.NoError(t, err)
	_, err = q.Enter(t.Context(), "mallory")
	require.ErrorIs(t, err, semantic.ErrQueueFull, "the patience is over")
	second, err := q.Enter(t.Context(), "ada")
	require.NoError(t, err)
	leave()
	leave() // Once is enough.
	again, err := q.Enter(t.Context(), "mallory")
	require.NoError(t, err)
	running, waiting := q.Load()
	require.Equal(t, []int{2, 0}, []int{running, waiting})
	again()
	second()
}
