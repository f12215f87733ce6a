#!/bin/sh
# Section 5 of the paper in one command: a texture with the exact score and with a trained network.
#
#   sh examples/section-5.sh FOLDER [PICTURE [SIZE]]
#
# Without a picture it takes the small network of examples/networks and its texture. With one, a network is first
# trained on the texture of the picture (32x32, 600 steps: half an hour of one core). In FOLDER are then
#
#   w2.txt                        W2 of Euler-Maruyama and Heun: exact, predicted for the trained network (with its
#                                 errors, level by level), and that of samples, without what their number adds
#   em.png, heun.png              pictures by both networks from the same noise
#   exact.npz, em.npz, heun.npz   exact textures and samples of the trained network, as arrays: for pytorch-fid or any
#                                 other features, and `gaussmeter distance`
#
# Variables: POINTS of the samplers (1000), SAMPLES (64), STEPS of training (600), GAUSSMETER (the command).
set -eu
folder=${1:?"which folder? sh examples/section-5.sh FOLDER [PICTURE [SIZE]]"}
picture=${2:-}
points=${POINTS:-1000}
samples=${SAMPLES:-64}
command=${GAUSSMETER:-gaussmeter}
networks=$(cd "$(dirname "$0")" && pwd)/networks
mkdir -p "$folder"

if [ -z "$picture" ]; then
    model=$folder/clouds.npz
    network=$networks/clouds-eps.onnx
    "$command" texture power-law-field:size=16,alpha=2 -o "$model"
else
    model=$folder/net.texture.npz
    network=$folder/net.onnx
    if [ ! -e "$network" ]; then
        "$command" train --texture "$picture" --size "${3:-32}" --periodic --parametrization eps \
            --width 16,32,32 --steps "${STEPS:-600}" --seed 1 -o "$folder/net"
    fi
fi

how="--process vp-linear --grid uniform --eps 1e-3"
# Without quotes, the words of $how are options.
"$command" score-error --network "onnx:$network" --spectrum "$model" $how --sampler em,heun \
    --steps $((points - 1)) --per-level 256 --samples "$samples" -o "$folder/w2.txt"
"$command" sample "$model" --count "$samples" --dtype f32 -o "$folder/exact.npz"
for sampler in em heun; do
    with="--sampler $sampler $how --points $points"
    "$command" sample "$model" --network "onnx:$network" $with --count 4 --compare -o "$folder/$sampler.png"
    "$command" sample "$model" --network "onnx:$network" $with --count "$samples" --dtype f32 \
        -o "$folder/$sampler.npz"
done
cat "$folder/w2.txt"
