//! The works that a result builds on, as BibTeX.
//!
//! Registry entries name their sources in words, "Ho et al. (2020), equation 7; k-diffusion"; this
//! module has the works and projects behind these words.

/// A work, or a project whose code is a source.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its BibTeX key.
    pub key: &'static str,
    /// Its names in sources.
    pub names: &'static [&'static str],
    /// Its BibTeX entry.
    pub bibtex: &'static str,
}

/// gaussmeter itself.
pub const GAUSSMETER: Reference = Reference {
    key: "gaussmeter",
    names: &[],
    bibtex: concat!(
        "@software{gaussmeter,\n  title = {gaussmeter: Exact Errors of Diffusion Samplers on {Gaussian} Data},\n  author = {{The gaussmeter developers}},\n  year = {2026},\n  version = {",
        env!("CARGO_PKG_VERSION"),
        "},\n}"
    ),
};

/// Where a name occurs in a text. A name after "&" is the last of several authors, not the one
/// meant.
fn places<'a>(source: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let places = source.match_indices(name).map(|(place, _)| place);
    places.filter(|place| !source[..*place].ends_with("& "))
}

/// The works and projects named in the source of a registry entry.
///
/// ```
/// let keys: Vec<_> = gaussmeter::bibliography::cited("Ho et al. (2020), equation 7; k-diffusion")
///     .iter()
///     .map(|reference| reference.key)
///     .collect();
/// assert_eq!(keys, ["ho2020denoising", "kdiffusion"]);
/// ```
pub fn cited(source: &str) -> Vec<&'static Reference> {
    let is_named = |r: &&Reference| r.names.iter().any(|n| places(source, n).next().is_some());
    REFERENCES.iter().filter(is_named).collect()
}

/// The BibTeX of the works named in sources, of the paper the method is based on, and of
/// gaussmeter, each once.
pub fn bibtex<'a>(sources: impl IntoIterator<Item = &'a str>) -> String {
    let mut all: Vec<&'static Reference> = vec![&GAUSSMETER, &REFERENCES[0]];
    for reference in sources.into_iter().flat_map(cited) {
        if !all.contains(&reference) {
            all.push(reference);
        }
    }
    let entries: Vec<String> = all.iter().map(|r| format!("{}\n", r.bibtex)).collect();
    entries.join("\n")
}

/// All works, starting with the paper the method is based on, then projects.
pub static REFERENCES: &[Reference] = &[
    Reference {
        key: "pierret2025diffusion",
        names: &[
            "Pierret & Galerne (2025)",
            "Pierret & Galerne (ICML 2025)",
            "Pierret & Galerne, arXiv 2405.14250",
        ],
        bibtex: r"@inproceedings{pierret2025diffusion,
  title = {Diffusion Models for {Gaussian} Distributions: Exact Solutions and {Wasserstein} Errors},
  author = {Pierret, Emile and Galerne, Bruno},
  booktitle = {International Conference on Machine Learning (ICML)},
  year = {2025},
  eprint = {2405.14250},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "albergo2023building",
        names: &["Albergo & Vanden-Eijnden (2023)"],
        bibtex: r"@inproceedings{albergo2023building,
  title = {Building Normalizing Flows with Stochastic Interpolants},
  author = {Albergo, Michael S. and Vanden-Eijnden, Eric},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2023},
  eprint = {2209.15571},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "chen2023importance",
        names: &["Chen (2023)"],
        bibtex: r"@misc{chen2023importance,
  title = {On the Importance of Noise Scheduling for Diffusion Models},
  author = {Chen, Ting},
  year = {2023},
  eprint = {2301.10972},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "chung2024cfg",
        names: &["Chung et al. (2024)"],
        bibtex: r"@misc{chung2024cfg,
  title = {{CFG++}: Manifold-constrained Classifier Free Guidance for Diffusion Models},
  author = {Chung, Hyungjin and Kim, Jeongsol and Park, Geon Yeong and Nam, Hyelin and Ye, Jong Chul},
  year = {2024},
  eprint = {2406.08070},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "cui2023elucidating",
        names: &["Cui et al. (2023)"],
        bibtex: r"@misc{cui2023elucidating,
  title = {Elucidating the Solution Space of Extended Reverse-Time {SDE} for Diffusion Models},
  author = {Cui, Qinpeng and Zhang, Xinyi and Lu, Zongqing and Liao, Qingmin},
  year = {2023},
  eprint = {2309.06169},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "debortoli2022convergence",
        names: &["De Bortoli (2022)"],
        bibtex: r"@article{debortoli2022convergence,
  title = {Convergence of Denoising Diffusion Models under the Manifold Hypothesis},
  author = {De Bortoli, Valentin},
  journal = {Transactions on Machine Learning Research},
  year = {2022},
  eprint = {2208.05314},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "dowson1982frechet",
        names: &["Dowson & Landau (1982)"],
        bibtex: r"@article{dowson1982frechet,
  title = {The {Fr\'echet} Distance between Multivariate Normal Distributions},
  author = {Dowson, D. C. and Landau, B. V.},
  journal = {Journal of Multivariate Analysis},
  volume = {12},
  number = {3},
  pages = {450--455},
  year = {1982},
}",
    },
    Reference {
        key: "esser2024scaling",
        names: &["Esser et al. (2024)"],
        bibtex: r"@inproceedings{esser2024scaling,
  title = {Scaling Rectified Flow Transformers for High-Resolution Image Synthesis},
  author = {Esser, Patrick and others},
  booktitle = {International Conference on Machine Learning (ICML)},
  year = {2024},
  eprint = {2403.03206},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "field1987relations",
        names: &["Field (1987)"],
        bibtex: r"@article{field1987relations,
  title = {Relations between the Statistics of Natural Images and the Response Properties of Cortical Cells},
  author = {Field, David J.},
  journal = {Journal of the Optical Society of America A},
  volume = {4},
  number = {12},
  pages = {2379--2394},
  year = {1987},
}",
    },
    Reference {
        key: "gonzalez2023seeds",
        names: &["Gonzalez et al. (2023)"],
        bibtex: r"@inproceedings{gonzalez2023seeds,
  title = {{SEEDS}: Exponential {SDE} Solvers for Fast High-Quality Sampling from Diffusion Models},
  author = {Gonzalez, Martin and others},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2023},
  eprint = {2305.14267},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "hairer1993solving",
        names: &["Hairer, Norsett & Wanner (1993)"],
        bibtex: r"@book{hairer1993solving,
  title = {Solving Ordinary Differential Equations {I}: Nonstiff Problems},
  author = {Hairer, Ernst and N{\o}rsett, Syvert P. and Wanner, Gerhard},
  edition = {second},
  publisher = {Springer},
  year = {1993},
}",
    },
    Reference {
        key: "ho2020denoising",
        names: &["Ho et al. (2020)"],
        bibtex: r"@inproceedings{ho2020denoising,
  title = {Denoising Diffusion Probabilistic Models},
  author = {Ho, Jonathan and Jain, Ajay and Abbeel, Pieter},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2020},
  eprint = {2006.11239},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "ho2022classifier",
        names: &["Ho & Salimans (2022)"],
        bibtex: r"@misc{ho2022classifier,
  title = {Classifier-Free Diffusion Guidance},
  author = {Ho, Jonathan and Salimans, Tim},
  year = {2022},
  eprint = {2207.12598},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "hochbruck2005explicit",
        names: &["Hochbruck & Ostermann (2005)"],
        bibtex: r"@article{hochbruck2005explicit,
  title = {Explicit Exponential {Runge--Kutta} Methods for Semilinear Parabolic Problems},
  author = {Hochbruck, Marlis and Ostermann, Alexander},
  journal = {SIAM Journal on Numerical Analysis},
  volume = {43},
  number = {3},
  pages = {1069--1090},
  year = {2005},
}",
    },
    Reference {
        key: "hochbruck2010exponential",
        names: &["Hochbruck & Ostermann (2010)"],
        bibtex: r"@article{hochbruck2010exponential,
  title = {Exponential Integrators},
  author = {Hochbruck, Marlis and Ostermann, Alexander},
  journal = {Acta Numerica},
  volume = {19},
  pages = {209--286},
  year = {2010},
}",
    },
    Reference {
        key: "jabri2023scalable",
        names: &["Jabri et al. (2023)"],
        bibtex: r"@inproceedings{jabri2023scalable,
  title = {Scalable Adaptive Computation for Iterative Generation},
  author = {Jabri, Allan and Fleet, David J. and Chen, Ting},
  booktitle = {International Conference on Machine Learning (ICML)},
  year = {2023},
  eprint = {2212.11972},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "johnstone2001distribution",
        names: &["Johnstone (2001)"],
        bibtex: r"@article{johnstone2001distribution,
  title = {On the Distribution of the Largest Eigenvalue in Principal Components Analysis},
  author = {Johnstone, Iain M.},
  journal = {The Annals of Statistics},
  volume = {29},
  number = {2},
  pages = {295--327},
  year = {2001},
}",
    },
    Reference {
        key: "karras2022elucidating",
        names: &["Karras et al. (2022)"],
        bibtex: r"@inproceedings{karras2022elucidating,
  title = {Elucidating the Design Space of Diffusion-Based Generative Models},
  author = {Karras, Tero and Aittala, Miika and Aila, Timo and Laine, Samuli},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2022},
  eprint = {2206.00364},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "lee2024beta",
        names: &["Lee et al. (2024)"],
        bibtex: r"@misc{lee2024beta,
  title = {Beta Sampling is All You Need: Efficient Image Generation Strategy for Diffusion Models using Stepwise Spectral Analysis},
  author = {Lee, Haeil and Lee, Hansang and Gye, Seoyeon and Kim, Junmo},
  year = {2024},
  eprint = {2407.12173},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "lin2024common",
        names: &["Lin et al. (2024)"],
        bibtex: r"@inproceedings{lin2024common,
  title = {Common Diffusion Noise Schedules and Sample Steps are Flawed},
  author = {Lin, Shanchuan and Liu, Bingchen and Li, Jiashi and Yang, Xiao},
  booktitle = {IEEE/CVF Winter Conference on Applications of Computer Vision (WACV)},
  year = {2024},
  eprint = {2305.08891},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "lipman2023flow",
        names: &["Lipman et al. (2023)"],
        bibtex: r"@inproceedings{lipman2023flow,
  title = {Flow Matching for Generative Modeling},
  author = {Lipman, Yaron and Chen, Ricky T. Q. and Ben-Hamu, Heli and Nickel, Maximilian and Le, Matthew},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2023},
  eprint = {2210.02747},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "liu2022pseudo",
        names: &["Liu et al. (2022)"],
        bibtex: r"@inproceedings{liu2022pseudo,
  title = {Pseudo Numerical Methods for Diffusion Models on Manifolds},
  author = {Liu, Luping and Ren, Yi and Lin, Zhijie and Zhao, Zhou},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2022},
  eprint = {2202.09778},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "liu2023flow",
        names: &["Liu et al. (2023)"],
        bibtex: r"@inproceedings{liu2023flow,
  title = {Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow},
  author = {Liu, Xingchao and Gong, Chengyue and Liu, Qiang},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2023},
  eprint = {2209.03003},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "lu2022dpm",
        names: &["Lu et al. (2022a)", "Lu et al. (2022a, 2022b)"],
        bibtex: r"@inproceedings{lu2022dpm,
  title = {{DPM-Solver}: A Fast {ODE} Solver for Diffusion Probabilistic Model Sampling in Around 10 Steps},
  author = {Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2022},
  eprint = {2206.00927},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "lu2022dpmpp",
        names: &["Lu et al. (2022b)", "Lu et al. (2022a, 2022b)"],
        bibtex: r"@misc{lu2022dpmpp,
  title = {{DPM-Solver++}: Fast Solver for Guided Sampling of Diffusion Probabilistic Models},
  author = {Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun},
  year = {2022},
  eprint = {2211.01095},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "lu2024simplifying",
        names: &["Lu & Song (2024)"],
        bibtex: r"@misc{lu2024simplifying,
  title = {Simplifying, Stabilizing and Scaling Continuous-Time Consistency Models},
  author = {Lu, Cheng and Song, Yang},
  year = {2024},
  eprint = {2410.11081},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "luo2023latent",
        names: &["Luo et al. (2023)"],
        bibtex: r"@misc{luo2023latent,
  title = {Latent Consistency Models: Synthesizing High-Resolution Images with Few-Step Inference},
  author = {Luo, Simian and Tan, Yiqin and Huang, Longbo and Li, Jian and Zhao, Hang},
  year = {2023},
  eprint = {2310.04378},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "nichol2021improved",
        names: &["Nichol & Dhariwal (2021)"],
        bibtex: r"@inproceedings{nichol2021improved,
  title = {Improved Denoising Diffusion Probabilistic Models},
  author = {Nichol, Alex and Dhariwal, Prafulla},
  booktitle = {International Conference on Machine Learning (ICML)},
  year = {2021},
  eprint = {2102.09672},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "kynkaanniemi2024applying",
        names: &["Kynkäänniemi et al. (2024)"],
        bibtex: r"@misc{kynkaanniemi2024applying,
  title = {Applying Guidance in a Limited Interval Improves Sample and Distribution Quality in Diffusion Models},
  author = {Kynkäänniemi, Tuomas and Aittala, Miika and Karras, Tero and Laine, Samuli and Aila, Timo and Lehtinen, Jaakko},
  year = {2024},
  eprint = {2404.07724},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "permenter2024interpreting",
        names: &["Permenter & Yuan (2024)"],
        bibtex: r"@inproceedings{permenter2024interpreting,
  title = {Interpreting and Improving Diffusion Models from an Optimization Perspective},
  author = {Permenter, Frank and Yuan, Chenyang},
  booktitle = {International Conference on Machine Learning (ICML)},
  year = {2024},
  eprint = {2306.04848},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "ralston1962runge",
        names: &["Ralston (1962)"],
        bibtex: r"@article{ralston1962runge,
  title = {{Runge--Kutta} Methods with Minimum Error Bounds},
  author = {Ralston, Anthony},
  journal = {Mathematics of Computation},
  volume = {16},
  number = {80},
  pages = {431--437},
  year = {1962},
}",
    },
    Reference {
        key: "sabour2024align",
        names: &["Sabour et al. (2024)"],
        bibtex: r"@inproceedings{sabour2024align,
  title = {Align Your Steps: Optimizing Sampling Schedules in Diffusion Models},
  author = {Sabour, Amirmojtaba and Fidler, Sanja and Kreis, Karsten},
  booktitle = {International Conference on Machine Learning (ICML)},
  year = {2024},
  eprint = {2404.14507},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "shu1988efficient",
        names: &["Shu & Osher (1988)"],
        bibtex: r"@article{shu1988efficient,
  title = {Efficient Implementation of Essentially Non-Oscillatory Shock-Capturing Schemes},
  author = {Shu, Chi-Wang and Osher, Stanley},
  journal = {Journal of Computational Physics},
  volume = {77},
  number = {2},
  pages = {439--471},
  year = {1988},
}",
    },
    Reference {
        key: "song2019generative",
        names: &["Song & Ermon (2019)"],
        bibtex: r"@inproceedings{song2019generative,
  title = {Generative Modeling by Estimating Gradients of the Data Distribution},
  author = {Song, Yang and Ermon, Stefano},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2019},
  eprint = {1907.05600},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "song2021denoising",
        names: &["Song, Meng & Ermon (2021)"],
        bibtex: r"@inproceedings{song2021denoising,
  title = {Denoising Diffusion Implicit Models},
  author = {Song, Jiaming and Meng, Chenlin and Ermon, Stefano},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2021},
  eprint = {2010.02502},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "song2021score",
        names: &["Song et al. (2021)"],
        bibtex: r"@inproceedings{song2021score,
  title = {Score-Based Generative Modeling through Stochastic Differential Equations},
  author = {Song, Yang and Sohl-Dickstein, Jascha and Kingma, Diederik P. and Kumar, Abhishek and Ermon, Stefano and Poole, Ben},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2021},
  eprint = {2011.13456},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "song2023consistency",
        names: &["Song et al. (2023)"],
        bibtex: r"@inproceedings{song2023consistency,
  title = {Consistency Models},
  author = {Song, Yang and Dhariwal, Prafulla and Chen, Mark and Sutskever, Ilya},
  booktitle = {International Conference on Machine Learning (ICML)},
  year = {2023},
  eprint = {2303.01469},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "xu2023restart",
        names: &["Xu et al. (2023)"],
        bibtex: r"@inproceedings{xu2023restart,
  title = {Restart Sampling for Improving Generative Processes},
  author = {Xu, Yilun and Deng, Mingyang and Cheng, Xiang and Tian, Yonglong and Liu, Ziming and Jaakkola, Tommi},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2023},
  eprint = {2306.14878},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "xue2023sa",
        names: &["Xue et al. (2023)"],
        bibtex: r"@inproceedings{xue2023sa,
  title = {{SA-Solver}: Stochastic {Adams} Solver for Fast Sampling of Diffusion Models},
  author = {Xue, Shuchen and others},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2023},
  eprint = {2309.05019},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "zhang2023fast",
        names: &["Zhang & Chen (2023)"],
        bibtex: r"@inproceedings{zhang2023fast,
  title = {Fast Sampling of Diffusion Models with Exponential Integrator},
  author = {Zhang, Qinsheng and Chen, Yongxin},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year = {2023},
  eprint = {2204.13902},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "zhang2023improved",
        names: &["Zhang, Song & Chen (2023)", "Zhang et al. (2023), refined exponential solver"],
        bibtex: r"@misc{zhang2023improved,
  title = {Improved Order Analysis and Design of Exponential Integrator for Diffusion Models Sampling},
  author = {Zhang, Qinsheng and Song, Jiaming and Chen, Yongxin},
  year = {2023},
  eprint = {2308.02157},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "zhao2023unipc",
        names: &["Zhao et al. (2023)"],
        bibtex: r"@inproceedings{zhao2023unipc,
  title = {{UniPC}: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models},
  author = {Zhao, Wenliang and Bai, Lujia and Rao, Yongming and Zhou, Jie and Lu, Jiwen},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2023},
  eprint = {2302.04867},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "zheng2024trajectory",
        names: &["Zheng et al. (2024)"],
        bibtex: r"@misc{zheng2024trajectory,
  title = {Trajectory Consistency Distillation},
  author = {Zheng, Jianbin and others},
  year = {2024},
  eprint = {2402.19159},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "comfyui",
        names: &["ComfyUI"],
        bibtex: r"@software{comfyui,
  title = {{ComfyUI}},
  author = {{Comfy-Org}},
  url = {https://github.com/Comfy-Org/ComfyUI},
}",
    },
    Reference {
        key: "diffusers",
        names: &["diffusers"],
        bibtex: r"@software{diffusers,
  title = {Diffusers: State-of-the-Art Diffusion Models},
  author = {von Platen, Patrick and Patil, Suraj and Lozhkov, Anton and Cuenca, Pedro and Lambert, Nathan and Rasul, Kashif and Davaadorj, Mishig and Wolf, Thomas},
  year = {2022},
  url = {https://github.com/huggingface/diffusers},
}",
    },
    Reference {
        key: "wang2025analytical",
        names: &["Wang & Pehlevan (2025)"],
        bibtex: r"@misc{wang2025analytical,
  title = {An Analytical Theory of Spectral Bias in the Learning Dynamics of Diffusion Models},
  author = {Wang, Binxu and Pehlevan, Cengiz},
  year = {2025},
  eprint = {2503.03206},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "wang2026random",
        names: &["Wang et al. (2026)"],
        bibtex: r"@misc{wang2026random,
  title = {A Random Matrix Theory Perspective on the Consistency of Diffusion Models},
  author = {Wang, Binxu and Zavatone-Veth, Jacob and Pehlevan, Cengiz},
  year = {2026},
  eprint = {2602.02908},
  archiveprefix = {arXiv},
}",
    },
    Reference {
        key: "kdiffusion",
        names: &["k-diffusion"],
        bibtex: r"@software{kdiffusion,
  title = {k-diffusion},
  author = {Crowson, Katherine},
  url = {https://github.com/crowsonkb/k-diffusion},
}",
    },
    Reference {
        key: "dpmsolver_code",
        names: &["the authors' dpm-solver"],
        bibtex: r"@software{dpmsolver_code,
  title = {{DPM-Solver}},
  author = {Lu, Cheng},
  url = {https://github.com/LuChengTHU/dpm-solver},
}",
    },
    Reference {
        key: "mochi",
        names: &["Genmo, Mochi 1 (2024)"],
        bibtex: r"@software{mochi,
  title = {Mochi 1},
  author = {{Genmo}},
  year = {2024},
  url = {https://github.com/genmoai/mochi},
}",
    },
    Reference {
        key: "arxiv260113602",
        names: &["arXiv 2601.13602"],
        bibtex: r"@misc{arxiv260113602,
  title = {An Elementary Approach to Scheduling in Generative Diffusion Models},
  author = {Sun, Qiang and Poor, H. Vincent and Zhang, Wenyi},
  year = {2026},
  eprint = {2601.13602},
  archiveprefix = {arXiv},
  url = {https://arxiv.org/abs/2601.13602},
}",
    },
    Reference {
        key: "arxiv260212624",
        names: &["arXiv 2602.12624"],
        bibtex: r"@misc{arxiv260212624,
  title = {{arXiv:2602.12624}},
  author = {{Authors of arXiv:2602.12624}},
  year = {2026},
  eprint = {2602.12624},
  archiveprefix = {arXiv},
  url = {https://arxiv.org/abs/2602.12624},
}",
    },
    Reference {
        key: "arxiv250321774",
        names: &["arXiv 2503.21774"],
        bibtex: r"@misc{arxiv250321774,
  title = {Optimal Stepsize for Diffusion Sampling},
  author = {Pei, Jianning and Hu, Han and Gu, Shuyang},
  year = {2025},
  eprint = {2503.21774},
  archiveprefix = {arXiv},
  url = {https://arxiv.org/abs/2503.21774},
}",
    },
    Reference {
        key: "benita2025",
        names: &["Benita et al. (2025)"],
        bibtex: r"@misc{benita2025,
  title = {Spectral Analysis of Diffusion Models with Application to Schedule Design},
  author = {Benita, Roi and Elad, Michael and Keshet, Joseph},
  year = {2025},
  eprint = {2502.00180},
  archiveprefix = {arXiv},
  url = {https://arxiv.org/abs/2502.00180},
}",
    },
    Reference {
        key: "rao1945information",
        names: &["Rao (1945)"],
        bibtex: r"@article{rao1945information,
  title = {Information and the Accuracy Attainable in the Estimation of Statistical Parameters},
  author = {Rao, C. Radhakrishna},
  journal = {Bulletin of the Calcutta Mathematical Society},
  volume = {37},
  pages = {81--91},
  year = {1945},
}",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Registry;
    use std::collections::BTreeSet;

    /// Sources without the names that are known.
    fn rest(source: &str) -> String {
        let mut rest = source.to_string();
        for name in cited(source).iter().flat_map(|r| r.names) {
            rest = rest.replace(name, "");
        }
        rest
    }

    /// Every work that a source gives with its year is known, and what names nothing is a formula or
    /// the user's own.
    fn check<T: ?Sized>(registry: &Registry<T>) {
        for entry in &registry.entries {
            let rest = rest(entry.source);
            let year = |start| {
                rest.match_indices(start)
                    .any(|(at, _)| rest[at + 1..].bytes().take(4).all(|b| b.is_ascii_digit()))
            };
            assert!(!year("(19") && !year("(20"), "{}: no BibTeX for '{rest}'", entry.name);
            let own = ["user", "closed form", "=", "tr V", "N(0", "docs/"];
            let is_own = own.iter().any(|own| entry.source.contains(own));
            assert!(!cited(entry.source).is_empty() || is_own, "{}: {}", entry.name, entry.source);
        }
    }

    #[test]
    fn every_source_is_known() {
        struct Sources;
        impl crate::families::Visit for Sources {
            fn visit<T: ?Sized + 'static>(&mut self, _: &str, _: &str, registry: &Registry<T>) {
                // Targets and conditioning are projects' code.
                if !["target", "conditioning"].contains(&registry.family) {
                    check(registry);
                }
            }
        }
        crate::families::families(&mut Sources);
        assert_eq!(rest("Who et al. (2020)"), "Who et al. (2020)");
    }

    #[test]
    fn names_mean_one_work() {
        let keys = |source: &str| cited(source).iter().map(|r| r.key).collect::<Vec<_>>();
        assert_eq!(
            keys("Jabri et al. (2023), algorithm 1; Chen (2023)"),
            ["chen2023importance", "jabri2023scalable"]
        );
        assert_eq!(keys("Zhang & Chen (2023)"), ["zhang2023fast"]);
        assert_eq!(keys("Zhang, Song & Chen (2023)"), ["zhang2023improved"]);
        assert_eq!(
            keys("Lu et al. (2022a, 2022b); diffusers"),
            ["lu2022dpm", "lu2022dpmpp", "diffusers"]
        );
        assert_eq!(keys("user"), [""; 0]);
    }

    #[test]
    fn entries_are_bibtex() {
        let mut seen = BTreeSet::new();
        for r in REFERENCES.iter().chain([&GAUSSMETER]) {
            assert!(seen.insert(r.key), "{} is there twice", r.key);
            let (kind, rest) = r.bibtex.split_once('{').unwrap_or_default();
            assert!(
                kind.starts_with('@') && rest.starts_with(&format!("{},\n", r.key)),
                "{}",
                r.key
            );
            let mut depth = 0;
            for c in r.bibtex.chars() {
                depth += i32::from(c == '{') - i32::from(c == '}');
                assert!(depth >= 0, "{}", r.key);
            }
            assert_eq!(depth, 0, "{}", r.key);
            let needed: &[&str] = match kind {
                "@software" => &["title"],
                _ => &["title", "author", "year"],
            };
            for field in needed {
                assert!(r.bibtex.contains(&format!("\n  {field} = {{")), "{}: no {field}", r.key);
            }
        }
        let text = bibtex(["Ho et al. (2020)", "Ho et al. (2020), Pierret & Galerne (2025)"]);
        assert_eq!(text.matches('@').count(), 3, "{text}");
        assert!(text.starts_with("@software{gaussmeter,") && text.ends_with("}\n"), "{text}");
    }
}
