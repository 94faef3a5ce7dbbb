"""The shop's rules, without a server."""

import pytest

from mite.demo.refusal import RefusalError
from mite.demo.shop import MAX_BASKET_LINES, MAX_QUANTITY, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


def refused(shop: Shop, token: str | None, item: int, quantity: int) -> RefusalError:
    with pytest.raises(RefusalError) as caught:
        shop.add(token, item, quantity)
    return caught.value


def test_prices_add_up_to_the_total_that_is_paid(shop: Shop) -> None:
    token = shop.login("user1", "pass1")
    shop.add(token, 3, 2)
    shop.add(token, 7, 1)
    receipt = shop.checkout(token)
    assert receipt["total"] == 2 * shop.item(3).price + shop.item(7).price
    assert receipt["order"] == 1
    assert shop.basket(token).lines == {}


def test_two_sessions_never_share_a_basket_even_of_one_user(shop: Shop) -> None:
    first, second = shop.login("user1", "pass1"), shop.login("user1", "pass1")
    assert first != second
    shop.add(first, 3, 1)
    assert shop.basket(first).lines == {3: 1}
    assert shop.basket(second).lines == {}


@pytest.mark.parametrize(
    ("user", "password"), [("user1", "pass2"), ("user1", ""), ("nobody", ""), ("", "")]
)
def test_a_wrong_password_opens_nothing(shop: Shop, user: str, password: str) -> None:
    with pytest.raises(RefusalError, match="wrong user or password") as caught:
        shop.login(user, password)
    assert caught.value.status == 401


@pytest.mark.parametrize("token", [None, "", "made-up"])
def test_without_a_session_there_is_no_basket(shop: Shop, token: str | None) -> None:
    assert refused(shop, token, 1, 1).status == 401
    with pytest.raises(RefusalError, match="no session"):
        shop.checkout(token)


def test_an_empty_basket_buys_nothing(shop: Shop) -> None:
    token = shop.login("user1", "pass1")
    with pytest.raises(RefusalError, match="the basket is empty") as caught:
        shop.checkout(token)
    assert caught.value.status == 409


def test_an_unknown_item_is_refused_by_name(shop: Shop) -> None:
    error = refused(shop, shop.login("user1", "pass1"), 101, 1)
    assert (error.status, str(error)) == (404, "no item 101: the shop has 1 to 100")


def test_a_basket_is_bounded_in_quantity_and_in_lines(shop: Shop) -> None:
    token = shop.login("user1", "pass1")
    shop.add(token, 1, MAX_QUANTITY)
    assert refused(shop, token, 1, 1).status == 409
    for number in range(2, MAX_BASKET_LINES + 1):
        shop.add(token, number, 1)
    assert "full" in str(refused(shop, token, MAX_BASKET_LINES + 1, 1))
    assert len(shop.basket(token).lines) == MAX_BASKET_LINES


def test_the_session_unused_for_longest_makes_room() -> None:
    shop = Shop(max_sessions=2)
    oldest, kept = shop.login("user1", "pass1"), shop.login("user2", "pass2")
    shop.basket(oldest)
    newest = shop.login("user3", "pass3")
    assert repr(shop) == "<Shop 100 items, 2 sessions, 0 orders>"
    assert refused(shop, kept, 1, 1).status == 401
    assert shop.basket(oldest).user == "user1"
    assert shop.basket(newest).user == "user3"
