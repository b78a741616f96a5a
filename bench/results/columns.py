"""The column dictionary of the tidy data: file to column to meaning."""

from __future__ import annotations

COLUMNS: dict[str, dict[str, str]] = {
    "runs.csv": {
        "run": "identity: readable slug and hash of the resolved specification",
        "status": "trained, loaded, diverged, skipped or classical (nothing is trained)",
        "reason": "why a run diverged or was skipped",
        "parameters": "number of trainable parameters",
        "steps": "training steps done",
        "training_macs": "multiply-accumulates of the training (convolutions, matrix products, transforms)",
        "seconds": "wall-clock seconds of training",
        "date": "day on which the run was finished (UTC)",
        "resumed_from": "JSON list of the steps from which an interrupted training went on",
        "device": "cpu or cuda",
        "computed": "JSON list (several where resumed elsewhere): backend, threads, instruction set, device, precision",
        "machine": "JSON: operating system, processor, cores, memory, GPU",
        "versions": "JSON: Python, packages, behaviour versions, git commit",
        "checkpoint_sha256": "of the weights that were loaded instead of trained",
        "weights_sha256": "of the run's own weights file; empty where it was not recorded",
        "spec": "JSON: the resolved specification that the hash in run is taken over",
        "source": "empty: this machine; otherwise the folder of published evidence",
    },
    "metrics.csv": {
        "run": "identity of the run, as in runs.csv",
        "evaluation": "data set @ protocol @ kernels @ subset of images",
        "version": "EVAL_VERSION and DEGRADE_VERSION of the measurement, e.g. e1d1",
        "content": "identity of the names and bytes of images and kernels; empty where published before it was kept",
        "dataset": "data set in datasets.yaml",
        "image": "image of that data set",
        "kernel": "blur kernel; empty where there is none",
        "protocol": "how the input was made and the output scored (bench.data.protocols)",
        "metric": "psnr (dB), ssim, seconds (wall clock for one image), or a metric of pyiqa",
        "value": "the number; inf for the PSNR of equal images; empty where the run diverged or reason says why",
        "reason": "why an image has no such value; empty otherwise, and where published before it was kept",
        "source": "empty: this machine; otherwise the folder of published evidence",
    },
    "scores.csv": {
        "run": "identity of the run, as in runs.csv",
        "evaluation": "as in metrics.csv",
        "version": "as in metrics.csv",
        "values": "number of values of this run, evaluation and version in metrics.csv",
        "values_sha256": "checksum of those values",
        "content": "as in metrics.csv",
        "weights_sha256": "of the weights that were scored; empty without a network or where it was not recorded",
        "date": "day on which they were scored (UTC)",
        "device": "cpu or cuda",
        "computed": "JSON: backend, threads, instruction set, device model, precision; they move last digits only; "
        "a list where some images' scores were taken over that were computed otherwise",
        "machine": "JSON: operating system, processor, cores, memory, GPU of the machine that scored, or finished it",
        "versions": "JSON: Python, packages, behaviour versions, git commit of the scoring",
        "source": "empty: this machine; otherwise the folder of published evidence",
    },
    "properties.csv": {
        "run": "identity of the run, as in runs.csv",
        "property": "border, checkerboard or reconvolution (bench/analyses/trained): measured after the training",
        "evaluation": "test whose images were restored, as in metrics.csv",
        "version": "PROPERTY_VERSION, EVAL_VERSION and DEGRADE_VERSION of the measurement, e.g. p1e1d1",
        "content": "as in metrics.csv",
        "weights_sha256": "of the weights that were measured; a run's own, as in runs.csv",
        "part": "border (8 pixels) or interior; layer; empty: the whole image",
        "image": "image of that data set; for a checkerboard constant and ramp too",
        "metric": "psnr, psnr_input (dB, restored and degraded); share_db, share_db_target (energy at the stride's "
        "frequencies over all energy, dB, restored and target); error (norm of Y - X* ⊗ K over the norm of Y)",
        "value": "the number",
        "date": "day on which it was measured (UTC); of tables from before these four were kept: the training's",
        "device": "cpu or cuda",
        "computed": "JSON: backend, threads, instruction set, device model, precision; they move last digits only",
        "machine": "JSON: operating system, processor, cores, memory, GPU of the machine that measured",
    },
    "curves.csv": {
        "run": "identity of the run, as in runs.csv",
        "step": "training step that was done",
        "loss": "mean training loss since the row before",
        "lr": "learning rate of the step",
        "seconds": "wall-clock seconds of training up to here",
        "val_loss": "loss on the validation crops; empty where none was due",
        "val_psnr": "PSNR (dB) on the validation crops; empty where none was due",
    },
    "throughput.csv": {
        "preset": "preset that was timed; empty where it was not recorded",
        "kind": "operator, model or machine (what this machine can do, measured among the operators of the case)",
        "case": "input and kernel that were timed",
        "name": "operator and what is special about it (bench.config.timed_variants), or table/row of the model",
        "timed": "identity of what was timed: the network's architecture, or the operator's file and its variant",
        "pass": "forward (no gradient) or forward+backward (all parameters; the input too for operators)",
        "median_s": "median seconds of one pass, interleaved with the others of its case",
        "iqr_s": "interquartile range of those seconds",
        "repeats": "number of timings",
        "extra_peak_bytes": "peak memory of one pass above what was held before it",
        "bytes": "least bytes that one pass reads and writes: input, output and, backward, their gradients",
        "flops": "floating-point operations of convolutions, products and transforms in one pass; empty: not counted",
        "error": "largest relative error of what the pass gives against float64, in the same command",
        "gate": "passed; failed or not measured and why: then no speed-up is shown",
        "status": "ok, skipped or failed",
        "reason": "why there is no number",
        "version": "THROUGHPUT_VERSION of the measurement, e.g. v2",
        "threads": "CPU threads",
        "device": "cpu or cuda",
        "machine": "processor or GPU",
        "instructions": "instruction set that the CPU kernels used, e.g. AVX2",
        "backend": "what computes Converse2D (but in rows named torch): torch, native (with its compiler) or kernels",
        "precision": "of float32 products: float32 (IEEE) or tf32",
        "torch": "version of PyTorch",
        "source": "empty: this machine; otherwise the folder of published evidence",
    },
}

TIMED_ON = ("machine", "device", "threads", "backend", "precision", "instructions", "torch")
"""Columns of what a timing hangs on, beside what is timed: others are of something else, and replace nothing."""
WHERE = ("source", *TIMED_ON)
"""Columns of timings that must agree for two of them to be compared."""
GROUP = ("run", "evaluation", "version")
"""Columns of scores that were measured together: they have one row in ``scores.csv`` and are replaced whole."""
KEYS: dict[str, tuple[str, ...]] = {
    "runs.csv": ("run",),
    "metrics.csv": (*GROUP, "image", "kernel", "metric"),
    "scores.csv": GROUP,
    "properties.csv": ("run", "property", "version", "part", "image", "metric"),
    "curves.csv": ("run", "step"),
    "throughput.csv": ("preset", *TIMED_ON, "kind", "case", "name", "pass"),
}
"""Columns that tell the rows of a file apart."""
