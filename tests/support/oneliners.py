"""What people write first with a frame: one usual line each.

In every line ``t`` is a table of lumisections, ``d`` the pandas frame of it, ``r`` that of
runs, ``h`` that of HLT rates; np, pd, pl, plt, sns, duckdb and ak are what they always are.
"""

# ruff: noqa: E501

from __future__ import annotations

SETUP = """
import warnings
import duckdb
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from omskit import Client
from omskit.table import Table

oms = Client("demo", audit=False)
t = oms.lumisections((297050, 297057))
runs = oms.runs((297047, 297060))
# A flag that is sometimes not known, as in the first lumisections of real runs.
known = pa.array([number > 10 for number in t["lumisection_number"]])
flag = pc.if_else(known, t["bpix_ready"].arrow, pa.scalar(None, pa.bool_()))
at = t.columns.index("bpix_ready")
t = Table(t.arrow.set_column(at, t.schema.field(at), flag), resource="lumisections")
rates = oms.hlt_rates(297050, paths=["HLT_ZeroBias_v*", "HLT_IsoMu27_v*"])
"""
FRAMES = """
d, r, h = (table.to_pandas(types={types}) for table in (t, runs, rates))
n = d.lumisection_number
"""

PANDAS = """
d.describe()
d.isna().sum()
d.pileup.mean()
d.pileup.plot()
d.plot(x="lumisection_number", y="pileup")
d.plot.scatter(x="pileup", y="init_lumi")
d.plot(x="start_time", y="pileup")
d.set_index("start_time").pileup.plot()
d.pileup.hist(bins=50)
d[["pileup", "init_lumi"]].plot(subplots=True)
d.cms_active.astype(float).plot()
d.bpix_ready.astype(float).plot()
d.bpix_ready.plot(include_bool=True)
d.prescale_index.plot()
d[d.bpix_ready.fillna(False)]
d[d.bpix_ready]
d[~d.bpix_ready]
d[d.bpix_ready & d.cms_active]
len(d[~d.bpix_ready.fillna(True)]) == (d.bpix_ready == False).sum() or 1 / 0
d.bpix_ready.mean()
d.prescale_index.astype(str).iloc[0] == "6" or 1 / 0
d.groupby("prescale_index").pileup.mean().index.map(int)
d.boxplot("pileup", by="run_number")
d[d.pileup > 30]
d.query("pileup > 30 and cms_active")
d[d.cms_active & d.beams_stable]
d[~d.cms_active]
d[d.physics_flag & (d.pileup > 30)]
d[d.start_time > "2017-06-16 22:00"]
d[d.start_time.between("2017-06-16 21:00", "2017-06-16 22:00")]
d.set_index("start_time").loc["2017-06-16 21:00":"2017-06-16 22:00"]
d.set_index("start_time").between_time("21:00", "22:00")
d.set_index("start_time").resample("10min").pileup.mean()
d.set_index("start_time").pileup.rolling("10min").mean()
d.pileup.rolling(10).mean()
d.groupby("run_number").recorded_lumi_per_lumisection.sum()
d.groupby("run_number").agg(mean=("pileup", "mean"), n=("pileup", "size"))
d.groupby(d.start_time.dt.floor("h")).pileup.mean()
d.groupby("physics_flag").pileup.describe()
(d.cms_active != d.cms_active.shift()).cumsum()
(d.end_time - d.start_time).dt.total_seconds().sum()
d.start_time.diff().dt.total_seconds().max()
d.start_time.dt.tz_convert("Europe/Zurich")
d.start_time.astype("int64")
d.recorded_lumi_per_lumisection.cumsum()
d.pileup.fillna(0).astype(int)
d.cms_active.astype(int).sum()
d.cms_active.value_counts(dropna=False)
d.bpix_ready.value_counts(dropna=False)
pd.cut(d.pileup, [0, 10, 20, 30, 40, 50]).value_counts()
d.merge(r, on="run_number", suffixes=("", "_run"))
h.merge(d, left_on=["run_number", "first_lumisection_number"], right_on=["run_number", "lumisection_number"])
pd.merge_asof(h.sort_values("start_time"), d.sort_values("start_time"), on="start_time", suffixes=("", "_d"))
h.pivot_table(index="first_lumisection_number", columns="path_name", values="rate")
h.pivot(index="first_lumisection_number", columns="path_name", values="rate").plot()
h.set_index(["path_name", "first_lumisection_number"]).rate.unstack(0)
d.melt(id_vars="lumisection_number", value_vars=["pileup", "init_lumi"])
pd.concat([d, d]).drop_duplicates(["run_number", "lumisection_number"])
d.select_dtypes("number").corr()
d.select_dtypes("bool").sum()
d.sort_values("pileup", ascending=False).head()
d.nlargest(5, "pileup")
d.to_csv("d.csv")
d.to_json("d.json")
d.to_parquet("d.parquet")
d.pileup.quantile([0.1, 0.9])
""".strip().splitlines()

NUMPY = """
np.where(d.pileup > 30, 1.0, 0.0)
np.histogram(d.pileup.dropna(), bins=50)
np.polyfit(n[d.run_number == 297050][:700], d.pileup[d.run_number == 297050][:700], 2)
np.corrcoef(d[["pileup", "init_lumi"]].dropna().to_numpy().T)
d[["pileup", "init_lumi"]].to_numpy().dtype == float or 1 / 0
plt.plot(n, d.pileup)
plt.step(d.start_time, d.pileup)
plt.hist(d.pileup, bins=40)
plt.plot(d.start_time, d.bpix_ready)
plt.scatter(d.start_time, d.bpix_ready)
plt.step(n, d.bpix_ready)
plt.plot(n, d.prescale_index)
plt.scatter(d.pileup, d.init_lumi, c=d.cms_active)
plt.fill_between(n, 0, 1, where=d.cms_active)
plt.imshow(d[["cms_active", "beams_stable", "physics_flag"]].to_numpy().T, aspect="auto")
plt.imshow(d[["cms_active", "bpix_ready"]].to_numpy(dtype=float).T, aspect="auto")
plt.errorbar(n, d.pileup, yerr=np.sqrt(d.pileup))
__import__("scipy.optimize").optimize.curve_fit(lambda x, a, b: a * x + b, d.pileup.fillna(0), d.init_lumi.fillna(0))
__import__("scipy.stats").stats.linregress(d.pileup.fillna(0), d.init_lumi.fillna(0))
""".strip().splitlines()

SEABORN = """
__import__("seaborn").lineplot(d, x="start_time", y="pileup")
__import__("seaborn").scatterplot(d, x="pileup", y="init_lumi", hue="cms_active")
__import__("seaborn").scatterplot(d, x="pileup", y="init_lumi", hue="bpix_ready")
__import__("seaborn").histplot(d, x="pileup", hue="physics_flag")
__import__("seaborn").boxplot(d, x="run_number", y="pileup")
__import__("seaborn").heatmap(d[["pileup", "init_lumi"]].corr())
""".strip().splitlines()

LEARNING = """
__import__("sklearn.linear_model").linear_model.LinearRegression().fit(d[["lumisection_number"]], d.pileup.fillna(0))
__import__("sklearn.preprocessing").preprocessing.StandardScaler().fit_transform(d[["pileup", "init_lumi"]])
__import__("sklearn.preprocessing").preprocessing.OneHotEncoder().fit_transform(d[["cms_active", "run_number"]])
__import__("sklearn.preprocessing").preprocessing.LabelEncoder().fit_transform(d.run_number)
__import__("sklearn.model_selection").model_selection.train_test_split(d, d.cms_active)
__import__("sklearn.ensemble").ensemble.RandomForestClassifier(3).fit(d[["pileup", "init_lumi"]].fillna(0), d.cms_active)
__import__("sklearn.ensemble").ensemble.HistGradientBoostingClassifier(max_iter=3).fit(d[["pileup"]], d.physics_flag)
__import__("sklearn.ensemble").ensemble.IsolationForest(n_estimators=3).fit(d.select_dtypes(["number", "bool"]).fillna(0))
""".strip().splitlines()

STUBBORN = {
    LEARNING[-1]: 'd.select_dtypes("number")',
}
"""Lines that fail with the default types where a flag is not known, and what to write
instead. With every other choice more fail."""

FRAME_LINES = [*PANDAS, *NUMPY, *SEABORN, *LEARNING]
"""Lines whose end depends on the types of the columns."""

TABLE_LINES = """
pl.DataFrame(t).filter(pl.col("pileup") > 30)
t.to_polars().group_by("run_number").agg(pl.col("pileup").mean())
pl.DataFrame(t).group_by_dynamic("start_time", every="10m").agg(pl.mean("pileup"))
duckdb.sql("SELECT run_number, avg(pileup) FROM t GROUP BY ALL").fetchall()
duckdb.sql("SELECT * FROM t JOIN runs USING (run_number)").df()
pd.DataFrame(t)
plt.plot(t["lumisection_number"], t["pileup"])
plt.plot(t["start_time"], t["bpix_ready"])
plt.scatter(t["start_time"], t["bpix_ready"])
plt.hist(t["pileup"], bins=30)
np.mean(t["pileup"])
np.asarray(t[["pileup", "init_lumi"]]).shape == (len(t), 2) or 1 / 0
t[t["pileup"] > 30].to_pandas()
[row["pileup"] for row in t]
__import__("awkward").from_arrow(t.arrow)
__import__("sklearn.linear_model").linear_model.LinearRegression().fit(np.asarray(t[["lumisection_number"]]), t["cms_active"])
__import__("sklearn.model_selection").model_selection.train_test_split(t)
__import__("pyarrow.parquet").parquet.write_table(t.arrow, "t.parquet")
""".strip().splitlines()
"""Lines that take a table as it is."""
