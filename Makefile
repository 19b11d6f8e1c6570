# Needs a Debian or Ubuntu machine with make and Python 3.11 or newer; everything else is installed into .venv.

PYTHON ?= python3
PORT ?= 8080
ACCOUNTS ?= 500
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check torture bench lighthouse clean

help: ## что умеет make
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile

demo: ## поставщик, обмен и кабинет на этой машине (PORT=8080, ACCOUNTS=500); ONCE=1 — пройти круг и выйти
	@$(PYTHON) demo/machine demo
	@$(BIN)/python -m demo --port $(PORT) --accounts $(ACCOUNTS) $(if $(ONCE),--once)

test: ## всё, что проверяется: оформление, типы, порядок комнат, тесты
	@$(PYTHON) demo/machine test
	@$(MAKE) --no-print-directory check
	$(BIN)/pytest --numprocesses 2 --dist loadfile --reruns 1 --only-rerun Timeout

check: ## только оформление, типы и порядок комнат (после make test)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

torture: ## тысяча SIGKILL всем процессам обмена (после make test; минут двадцать)
	$(BIN)/python -m tests.faults.killing --kills 1000

bench: ## замеры скорости рядом с другими программами
	@$(PYTHON) demo/machine test
	$(BIN)/python -m bench.pull
	$(BIN)/python -m bench.portal
	$(BIN)/python -m bench.bills

lighthouse: ## страницы глазами Lighthouse: скорость, доступность, хороший тон (нужны node и npm)
	@$(PYTHON) demo/machine test
	$(BIN)/python -m bench.lighthouse

clean: ## убрать .venv, .demo, .bench и всё, что оставили проверки
	rm -rf .venv .demo .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info build
