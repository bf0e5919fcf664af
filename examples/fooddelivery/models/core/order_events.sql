-- What happened to orders. The app sends an event again when it had no answer: the same event at the same time under a higher number
-- is a repeat of the first, and counts for nothing.
with
words as (
    {{ words('order_events', 'event', 'order_event') }}
),

stamped as (
    {{ with_stamp(source('fooddelivery', 'order_events'), 'happened_at') }}
),

cleaned as (
    select
        cast(e.id as bigint) as id,
        {{ clean_id('e.order_id') }} as order_id,
        coalesce(w.word, 'unknown') as event,
        {{ word_basis('e.event') }} as event_basis,
        e.event as event_raw,
        {{ clean_id('e.deliverer_id') }} as deliverer_id,
        e.stamp as happened_at,
        e.stamp_basis as happened_at_basis
    from stamped as e
    left join words as w on w.raw = e.event
)

select
    e.*,
    case
        when e.happened_at is not null
            then nullif(min(e.id) over (partition by e.order_id, e.event, e.deliverer_id, e.happened_at), e.id)
    end as repeat_of
from cleaned as e
