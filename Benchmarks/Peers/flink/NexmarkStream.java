/** The stream of Benchmarks/Data/Nexmark.swift, event for event: the same seed gives the same events here and there. */
public class NexmarkStream {
    /** One event, filled anew by each call of next: object reuse. */
    public static class Event {
        public static final int PERSON = 0, AUCTION = 1, BID = 2;
        public int kind;
        /** Microseconds. */
        public long at;
        public long id, seller, category, initialBid, reserve, expires;
        public long auction, bidder, price;
        public String name, city, state;
    }

    private static final String[] FIRST_NAMES = {
        "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"
    };
    private static final String[] LAST_NAMES = {
        "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"
    };
    private static final String[] STATES = {"AZ", "CA", "ID", "OR", "WA", "WY"};
    private static final String[] CITIES = {
        "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"
    };
    private static final long FIRST_ID = 1_000, FIRST_CATEGORY = 10, CATEGORIES = 5;
    private static final long ACTIVE_PEOPLE = 1_000, OPEN_AUCTIONS = 100, HOT_STEP = 100;

    private final long start, microsecondsPerEvent;
    private final Event event = new Event();
    private final long seed;
    private long state, count;

    public NexmarkStream(long seed, long startMicroseconds, long eventsPerSecond) {
        this.seed = seed;
        start = startMicroseconds;
        microsecondsPerEvent = 1_000_000 / eventsPerSecond;
    }

    public Event next() {
        long epoch = count / 50, turn = count % 50;
        event.at = start + count * microsecondsPerEvent;
        // Each event has draws of its own.
        state = seed + count * 0xA0761D6478BD642FL;
        count++;
        long lastAuction = turn == 0 ? epoch * 3 - 1 : epoch * 3 + Math.min(turn - 1, 2);
        if (turn == 0) person(epoch);
        else if (turn <= 3) auction(epoch * 3 + turn - 1, epoch);
        else bid(lastAuction, epoch);
        return event;
    }

    private void person(long number) {
        event.kind = Event.PERSON;
        event.id = FIRST_ID + number;
        event.name = pick(FIRST_NAMES) + " " + pick(LAST_NAMES);
        event.city = pick(CITIES);
        event.state = pick(STATES);
    }

    private void auction(long number, long lastPerson) {
        event.kind = Event.AUCTION;
        event.id = FIRST_ID + number;
        event.seller = FIRST_ID + (below(4) < 1 ? recentPerson(lastPerson) : lastPerson / HOT_STEP * HOT_STEP);
        event.initialBid = price();
        long open = OPEN_AUCTIONS * 50 / 3 * microsecondsPerEvent;
        event.category = FIRST_CATEGORY + below(CATEGORIES);
        event.reserve = event.initialBid + price();
        event.expires = event.at + 1 + below(Math.max(1, open * 2));
    }

    private void bid(long lastAuction, long lastPerson) {
        event.kind = Event.BID;
        long choices = random();
        long open = Math.max(0, lastAuction - OPEN_AUCTIONS);
        long anyAuction = open + below(lastAuction - open + 1), anyBidder = recentPerson(lastPerson);
        event.auction = FIRST_ID + (choices % 2 == 0 ? anyAuction : lastAuction / HOT_STEP * HOT_STEP);
        event.bidder = FIRST_ID + ((choices >>> 8) % 4 == 0 ? anyBidder : lastPerson / HOT_STEP * HOT_STEP + 1);
        event.price = price();
    }

    private long recentPerson(long last) {
        long first = Math.max(0, last - ACTIVE_PEOPLE);
        return first + below(last - first + 1);
    }

    private long price() {
        long magnitude = 100;
        for (long turns = below(6); turns > 0; turns--) magnitude *= 10;
        return magnitude + below(magnitude * 9);
    }

    private String pick(String[] names) { return names[(int) below(names.length)]; }

    /** SplitMix64. */
    private long random() {
        state += 0x9E3779B97F4A7C15L;
        long z = state;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** A number from 0 below a positive bound: the high half of a product of which one side is unsigned. */
    private long below(long bound) {
        long random = random();
        return Math.multiplyHigh(random, bound) + (random < 0 ? bound : 0);
    }
}
