-- What customers and deliverers do in the app beside orders. One of customer_id and deliverer_id says whose event it is.
with
words as (
    {{ words('session_events', 'event', 'session_event') }}
),

stamped as (
    {{ with_stamp(source('fooddelivery', 'session_events'), 'happened_at') }}
),

cleaned as (
    select
        cast(e.id as bigint) as id,
        case when {{ word('e.account_type') }} = 'CUSTOMER' then {{ clean_id('e.account_id') }} end as customer_id,
        case when {{ word('e.account_type') }} = 'DELIVERER' then {{ clean_id('e.account_id') }} end as deliverer_id,
        coalesce(w.word, 'unknown') as event,
        {{ word_basis('e.event') }} as event_basis,
        e.event as event_raw,
        e.stamp as happened_at,
        e.stamp_basis as happened_at_basis
    from stamped as e
    left join words as w on w.raw = e.event
)

select
    e.*,
    case
        when e.happened_at is not null
            then nullif(min(e.id) over (partition by e.customer_id, e.deliverer_id, e.event, e.happened_at), e.id)
    end as repeat_of
from cleaned as e
