import acurl
from mite_http import environment


def test_the_report_names_the_libcurl_in_use() -> None:
    assert environment.facts() == {"libcurl": acurl.libcurl_version()}
