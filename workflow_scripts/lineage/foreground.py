"""What determines the foregrounds of a study."""

from pathlib import Path

from workflow_scripts.common.provenance import Stamp
from workflow_scripts.lineage.metrics import MetricLineage


class ForegroundLineage(MetricLineage):
    """Files and stamps of foregrounds."""

    @property
    def foregrounds(self) -> list[str]:
        """Tables of foregrounds, one per shard."""
        count = getattr(self.study.dataset.shards, self.study.foreground.split)
        return [f"{self.results}/foreground/shard-{number}.parquet" for number in range(count)]

    @property
    def u2net_source(self) -> str:
        """Where the user may put U2-Net."""
        return (Path(self.config.data) / self.study.foreground.onnx).as_posix()

    @property
    def u2net_files(self) -> list[str]:
        """U2-Net, where the study uses it."""
        return [f"{self.results}/foreground/u2net.onnx"] if self.study.foreground.method == "u2net" else []

    @property
    def foreground_origin(self) -> str:
        """How the foregrounds were found, in words."""
        settings = self.study.foreground
        name = {"u2net": "U2-Net", "saliency": "Saliency without weights"}[settings.method]
        return f"{name}, threshold {settings.threshold:g}, split {settings.split}"

    def u2net(self) -> Stamp:
        """Stamp of U2-Net: wherever it comes from, its digest says what it is."""
        return self._stamp("foreground.fetch_u2net", self.study.foreground.sha256)

    def foreground(self) -> Stamp:
        """Stamp of the foregrounds."""
        settings = self.study.foreground
        network = [self.u2net()] if self.u2net_files else []
        upstream = [self.shard(settings.split), *network]
        return self._stamp("foreground.foreground", [settings.method, settings.threshold], upstream)
