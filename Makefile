# The two commands a newcomer needs are `make demo` and `make test`; everything sets up what it needs.
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=

.PHONY: setup configure build program demo test bench format install clean

setup:
	@scripts/setup.sh

configure: setup
	@cmake --preset release $(CMAKE_FLAGS) > /dev/null

program: configure
	@cmake --build --preset release -j $(JOBS) --target molmo_program

build: configure
	@cmake --build --preset release -j $(JOBS)

demo: program
	@scripts/demo.sh

test: export MOLMO_SETUP_TESTS = 1
test: build
	@ctest --preset release -j $(JOBS)

bench: setup
	@cmake --preset release -DMOLMO_BUILD_BENCH=ON $(CMAKE_FLAGS) > /dev/null
	@cmake --build --preset release -j $(JOBS)
	@scripts/bench.sh

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i

install: build
	@cmake --install build $(if $(PREFIX),--prefix $(PREFIX))

clean:
	rm -rf build build-debug build-asan build-tsan
