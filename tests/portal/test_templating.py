"""Templates keep their promises after our changes to the compiler: nothing unescaped, nothing missing, line by line."""

from __future__ import annotations

import traceback

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from markupsafe import escape as careful

from portal.language import translations
from portal.templating import LanguageEnvironment, escape


@pytest.fixture(scope="module")
def environment() -> LanguageEnvironment:
    made = LanguageEnvironment(translations("en"))
    made.loader = jinja2.DictLoader(
        {
            "message": "{% trans %}Начисления{% endtrans %} {{ _('Платежи') }}",
            "values": "{% trans month=month %}за {{ month }}{% endtrans %}",
            "percent": "{% trans %}сто % и %(x)s{% endtrans %}",
            "plural": (
                "{% trans count=n %}Остался {{ count }} день.{% pluralize %}Осталось дней: {{ count }}.{% endtrans %}"
            ),
            "attribute": "<a title=\"{{ text }}\" href='{{ text }}'>{{ text }}</a>",
            "macro": "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m(text) }}",
            "loop": "{% for each in many %}{{ each }},{% endfor %}",
            "missing": "{{ nobody }}",
            "above": "{% block a %}up{% endblock %}|{% block b %}{% for x in many %}{{ x }}{% endfor %}{% endblock %}",
            "below": "{% extends 'above' %}{% block a %}{{ super() }}{{ many[0] }}{% endblock %}",
            "broken": "one\ntwo\n{{ 1 // 0 }}",
        }
    )
    return made


def shown(environment: LanguageEnvironment, name: str, **context: object) -> str:
    return environment.get_template(name).render(**context)


def test_messages_are_translated_when_they_are_compiled(environment: LanguageEnvironment) -> None:
    assert shown(environment, "message") == "Charges Payments"
    source = environment.compile("{% trans %}Начисления{% endtrans %}", raw=True)
    assert "Charges" in source
    assert "gettext" not in source


def test_values_stand_where_the_translation_has_them_and_are_escaped(environment: LanguageEnvironment) -> None:
    assert shown(environment, "values", month="<b>&") == "for &lt;b&gt;&amp;"
    assert shown(environment, "values", month=Markup("<b>x</b>")) == "for <b>x</b>"
    assert shown(environment, "percent") == "сто % и %(x)s"


def test_plurals_are_chosen_when_the_page_is_made(environment: LanguageEnvironment) -> None:
    assert [shown(environment, "plural", n=n) for n in (1, 2)] == ["1 day left.", "2 days left."]


HOSTILE = "<script>'\"&</script>"
SAFE = "&lt;script&gt;&#39;&#34;&amp;&lt;/script&gt;"


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("attribute", f"<a title=\"{SAFE}\" href='{SAFE}'>{SAFE}</a>"),
        ("macro", f"<i>{SAFE}</i>"),
    ],
)
def test_data_are_escaped_once(environment: LanguageEnvironment, name: str, result: str) -> None:
    assert shown(environment, name, text=HOSTILE) == result


def test_numbers_none_and_objects_are_shown_as_text(environment: LanguageEnvironment) -> None:
    class Sly:
        def __str__(self) -> str:
            return HOSTILE

    assert shown(environment, "loop", many=[1, None, Sly(), Markup("<br>")]) == f"1,None,{SAFE},<br>,"


@given(st.one_of(st.text(), st.integers(), st.none(), st.builds(Markup, st.text()), st.binary()))
def test_our_escape_gives_what_markupsafes_gives(value: object) -> None:
    assert escape(value) == str(careful(value))


def test_a_name_that_a_page_forgot_is_a_fault_and_not_an_empty_place(environment: LanguageEnvironment) -> None:
    with pytest.raises(jinja2.UndefinedError, match="nobody"):
        shown(environment, "missing")


def test_a_template_is_put_into_the_one_above_it_in_few_pieces(environment: LanguageEnvironment) -> None:
    assert shown(environment, "below", many=["<", 2]) == "up&lt;|&lt;2"
    pieces = [*environment.get_template("below").generate(many=[*range(100)])]
    assert len(pieces) == 1


def test_a_fault_names_the_line_of_the_template(environment: LanguageEnvironment) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        shown(environment, "broken")
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.lineno == 3


def test_a_broken_template_is_found_when_the_program_starts() -> None:
    made = LanguageEnvironment(translations("ru"))
    made.loader = jinja2.DictLoader({"page.html": "{% if %}"})
    with pytest.raises(jinja2.TemplateSyntaxError):
        made.compile_all()
