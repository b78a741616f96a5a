"""Who computes what, as far as it can be asked without a GPU; ``python -m benchmarks.on_gpu`` asks it with one."""

from __future__ import annotations

import ctypes
import threading

import pytest
import torch

from converse.calls.setting import Setting
from converse.cuda import serving as cuda_serving
from converse.cuda import trust
from converse.cuda.driver import _value
from converse.cuda.norm import serving as norm_serving
from converse.cuda.operator import Task
from converse.mathematics import spectral
from converse.mathematics.functional import converse2d
from converse.native.serving import compiled_wanted, on_torch, refusal

WITNESS = (spectral.solution, spectral.gradients)


def test_a_cpu_is_not_served():
    y = torch.ones(1, 1, 8, 8)
    assert cuda_serving.serving(WITNESS, Setting(1, (2, 2)), y) is None
    assert norm_serving(y, torch.ones(1), torch.ones(1)) is None


def test_what_computes_is_said_in_words(monkeypatch):
    def told():
        trust.unavailable.cache_clear()
        return cuda_serving.backend()

    monkeypatch.setattr(torch.version, "cuda", None)
    assert told() == "torch (torch is built without CUDA)"
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("CONVERSE_NATIVE", "0")
    assert "CONVERSE_NATIVE=0" in told()
    monkeypatch.delenv("CONVERSE_NATIVE")

    def missing():
        raise OSError("libnvrtc.so.13: not there")

    monkeypatch.setattr(trust, "compiler", missing)
    assert told() == "torch (no NVRTC: libnvrtc.so.13: not there)"
    monkeypatch.setattr(trust, "compiler", lambda: None)
    assert told() == "kernels where they serve, NVRTC of CUDA 13.0"
    trust.unavailable.cache_clear()


def test_what_fails_is_said_once_and_left_to_torch(monkeypatch):
    monkeypatch.setattr(trust, "unavailable", lambda: None)
    capturing = [False]
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: capturing[0])
    known, made = trust.Trusted("tests", 2), []

    def make(value, trouble=None):
        def made_now():
            made.append(value)
            if isinstance(value, Exception):
                raise value
            return value, trouble

        return made_now

    capturing[0] = True
    assert known.get("a", make(1)) is None and not made  # it could not be tried now
    capturing[0] = False
    assert known.get("b", make(torch.cuda.OutOfMemoryError())) is None
    assert known.get("b", make(2)) == 2 and known.get("b", make(3)) == 2
    with pytest.warns(RuntimeWarning, match="no CUDA kernel for tests c, torch computes: AttributeError: of torch 2.6"):
        assert known.get("c", make(AttributeError("of torch 2.6"))) is None
    assert known.get("c", make(4)) is None
    assert known.get("d", make(5)) is None and 5 not in made  # as many as are kept


def test_refusals_are_those_of_the_device():
    y = torch.ones(2, 2, 8, 8)
    assert refusal(y) is None
    assert refusal(y, device="cuda") == "on cpu"
    with on_torch():
        assert refusal(y) == "switched off here"
    with torch.autocast("cpu", torch.bfloat16):
        assert refusal(y, as_they_are=True) is not None and refusal(y, as_they_are=True, device="cuda") == "on cpu"


def test_a_gradient_is_computed_as_its_forward_pass_in_whatever_thread(monkeypatch):
    """For a GPU, autograd has threads of its own, to which no context variable comes."""
    asked = []
    monkeypatch.setattr(spectral, "planes_for", lambda *_: asked.append(compiled_wanted()))
    monkeypatch.setattr(spectral, "serving", lambda *_: None)
    y = torch.ones(1, 1, 4, 4, requires_grad=True)
    with on_torch():
        out = converse2d(y, torch.full((1, 1, 3, 3), 1 / 9), 0.1)
    thread = threading.Thread(target=out.sum().backward)
    thread.start()
    thread.join()
    assert asked == [False, False] and y.grad is not None


@pytest.mark.parametrize(
    ("argument", "kind"), [(3, ctypes.c_int), (0.5, ctypes.c_double), (None, ctypes.c_void_p), (Task(), Task)]
)
def test_arguments_travel_as_the_kernels_declare_them(argument, kind):
    assert type(_value(argument)) is kind
    tensor = torch.ones(3)
    assert _value(tensor).value == tensor.data_ptr()
