"""The shop: its goods, the people it knows, and one basket per signed-in session. No I/O."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from mite.demo.refusal import RefusalError

MAX_SESSIONS = 10_000
MAX_BASKET_LINES = 50
MAX_QUANTITY = 99
USERS = 1_000
GOODS = ("bowl", "candle", "chair", "clock", "cup", "jug", "knife", "lamp", "rug", "spoon")
FINISHES = ("ash", "blue", "brass", "clay", "green", "iron", "linen", "oak", "red", "white")


@dataclass(frozen=True, slots=True)
class Item:
    """Something for sale; `price` in pence."""

    id: int
    name: str
    price: int

    def as_dict(self) -> dict[str, int | str]:
        """The item as JSON shows it."""
        return {"id": self.id, "name": self.name, "price": self.price}


@dataclass(slots=True)
class Basket:
    """What one session has chosen: item id to quantity."""

    user: str
    lines: dict[int, int] = field(default_factory=dict)


def stock() -> dict[int, Item]:
    """The hundred items on sale, by id."""
    names = [f"{finish} {good}" for good in GOODS for finish in FINISHES]
    return {
        number: Item(number, name, 250 + 75 * (number % 37)) for number, name in enumerate(names, 1)
    }


class Shop:
    """Goods and sessions; only the server's loop touches it.

    Sessions are opaque tokens, at most `max_sessions`: the one unused for longest makes room.
    """

    def __init__(self, max_sessions: int = MAX_SESSIONS) -> None:
        self.items = stock()
        self._max_sessions = max_sessions
        self._baskets: OrderedDict[str, Basket] = OrderedDict()
        self._passwords = {f"user{n}": f"pass{n}" for n in range(1, USERS + 1)}
        self._orders = 0

    def __repr__(self) -> str:
        counts = f"{len(self.items)} items, {len(self._baskets)} sessions, {self._orders} orders"
        return f"<Shop {counts}>"

    def item(self, number: int) -> Item:
        """The item of that id, or a RefusalError 404."""
        try:
            return self.items[number]
        except KeyError:
            raise RefusalError(
                404, f"no item {number}: the shop has 1 to {len(self.items)}"
            ) from None

    def login(self, user: str, password: str) -> str:
        """A fresh session token for a user who proves to be one, or a RefusalError 401."""
        if self._passwords.get(user) != password:
            known = f"the shop knows user1 with pass1 to user{USERS} with pass{USERS}"
            raise RefusalError(401, f"wrong user or password: {known}")
        token = secrets.token_urlsafe(24)
        self._baskets[token] = Basket(user)
        if len(self._baskets) > self._max_sessions:
            self._baskets.popitem(last=False)
        return token

    def basket(self, token: str | None) -> Basket:
        """The basket of a session, or a RefusalError 401."""
        basket = self._baskets.get(token) if token else None
        if token is None or basket is None:
            advice = "POST user and password to /login first, and send its cookie"
            raise RefusalError(401, f"no session: {advice}")
        self._baskets.move_to_end(token)
        return basket

    def add(self, token: str | None, number: int, quantity: int) -> Basket:
        """Put an item into the session's basket; quantities of one item add up to at most 99."""
        basket = self.basket(token)
        item = self.item(number)
        total = basket.lines.get(item.id, 0) + quantity
        if not 1 <= quantity <= MAX_QUANTITY or total > MAX_QUANTITY:
            limit = f"a basket holds 1 to {MAX_QUANTITY} of each"
            raise RefusalError(409, f"{total} of item {number} is refused: {limit}")
        if item.id not in basket.lines and len(basket.lines) >= MAX_BASKET_LINES:
            limit = f"it holds {MAX_BASKET_LINES} different items"
            raise RefusalError(409, f"the basket is full: {limit}")
        basket.lines[item.id] = total
        return basket

    def describe(self, basket: Basket) -> dict[str, object]:
        """A basket as JSON shows it; `total` in pence."""
        lines = [
            {**self.items[number].as_dict(), "quantity": quantity}
            for number, quantity in basket.lines.items()
        ]
        return {"user": basket.user, "lines": lines, "total": self._total(basket)}

    def checkout(self, token: str | None) -> dict[str, object]:
        """Buy what is in the basket and empty it; a RefusalError 409 if it already was."""
        basket = self.basket(token)
        if not basket.lines:
            raise RefusalError(409, "the basket is empty: POST an item to /basket first")
        self._orders += 1
        receipt = {"order": self._orders, **self.describe(basket)}
        basket.lines = {}
        return receipt

    def _total(self, basket: Basket) -> int:
        return sum(self.items[number].price * quantity for number, quantity in basket.lines.items())
